SELECT coalesce(extract(epoch FROM now() - min(run_at)), 0)::float FROM jobs WHERE status = 'queued' AND run_at <= now()
