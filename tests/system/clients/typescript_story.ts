// Signs in, keeps items, reads pages and waits for a task, by openapi-fetch on generated types.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./jubilee.ts";

type NewTask = components["schemas"]["NewTask"];

const url = process.argv[2];
const password = "an engine of brass";
const api = createClient<paths>({ baseUrl: url });

function checked<T>(answer: { data?: T; error?: unknown }): T {
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  assert.ok(answer.data !== undefined);
  return answer.data;
}

const account = { email: "bea@example.com", username: "bea", password };
checked(await api.POST("/auth/register", { body: account }));

const form = await api.POST("/auth/token", {
  body: { username: "bea", password },
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
});
assert.equal(checked(form).token_type, "bearer");
const first = checked(await api.POST("/auth/login", { body: { username: "bea", password } }));
const again = await api.POST("/auth/refresh", { body: { refresh_token: first.refresh_token } });
const token = checked(again).access_token;
api.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
});

assert.equal(checked(await api.GET("/users/me")).username, "bea");

let id = "";
for (const title of ["one", "two", "three"]) {
  id = checked(await api.POST("/items", { body: { title } })).id;
}
const changed = await api.PATCH("/items/{id}", {
  params: { path: { id }, header: { "If-Match": '"1"' } },
  body: { description: "the last" },
});
assert.equal(checked(changed).description, "the last");

const titles: string[] = [];
let cursor: string | undefined;
do {
  const page = checked(await api.GET("/items", { params: { query: { limit: 2, cursor } } }));
  titles.push(...page.items.map((item) => item.title));
  cursor = page.next_cursor ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(titles, ["three", "two", "one"]);

const task: NewTask = { kind: "echo", task_id: "order-4711", data: { order: 4711 } };
checked(await api.POST("/tasks", { body: task }));
const ended = checked(
  await api.GET("/tasks/{task_id}", {
    params: { path: { task_id: "order-4711" }, query: { wait: 30 } },
  }),
);
assert.equal(ended.status, "succeeded");
assert.deepEqual(ended.result, { order: 4711 });

const missing = await api.GET("/items/{id}", {
  params: { path: { id: "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f" } },
});
assert.equal(missing.error?.type, "/problems/item_not_found");

// @ts-expect-error: an e-mail needs its subject and its text
const incomplete: NewTask = { kind: "email.send", data: { to: "bea@example.com" } };
assert.ok(incomplete);
