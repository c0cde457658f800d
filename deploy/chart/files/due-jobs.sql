SELECT count(*) FROM (SELECT FROM jobs WHERE status = 'queued' AND run_at <= now() LIMIT 10000) AS due
