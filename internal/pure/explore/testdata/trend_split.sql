WITH matched AS NOT MATERIALIZED (
  SELECT date_trunc('hour', time AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin') AS bucket, coalesce(release, '(none)') AS split, num(prop(properties, 'price')) AS number
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
), frequent AS (
  SELECT split FROM matched GROUP BY split ORDER BY count(*) DESC, split LIMIT 10
)
SELECT bucket, CASE WHEN split IN (SELECT split FROM frequent) THEN split ELSE '(others)' END AS split, percentile_cont(0.9) WITHIN GROUP (ORDER BY number) AS value
FROM matched
GROUP BY 1, 2
ORDER BY 1, 2
