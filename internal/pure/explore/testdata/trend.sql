SELECT date_trunc('day', time AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin') AS bucket, count(*) AS value
FROM events
WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
  AND time < TIMESTAMP '2026-12-01 00:00:00'
  AND environment = 'production'
  AND kind = 'track'
  AND name = 'it''s bought'
  AND prop(properties, 'plan') = 'pro'
  AND num(prop(properties, 'price')) > 10
  AND strpos(prop(obj(context, 'page'), 'path'), '/check''out') > 0
  AND release IS NOT NULL
  AND prop(properties, 'note') = 'two
lines'
GROUP BY 1
ORDER BY 1
