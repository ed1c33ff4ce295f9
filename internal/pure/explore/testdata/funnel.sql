WITH step_1 AS (
  SELECT person, time, seq, (name = 'viewed') AS is_1, (kind = 'track' AND name = 'it''s bought' AND prop(properties, 'plan') = 'pro' AND num(prop(properties, 'price')) > 10 AND strpos(prop(obj(context, 'page'), 'path'), '/check''out') > 0 AND release IS NOT NULL AND prop(properties, 'note') = 'two
lines') AS is_2, (name = 'thanked') AS is_3
  FROM activity
  WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
    AND time < TIMESTAMP '2026-12-01 00:00:00'
    AND environment = 'production'
    AND ((name = 'viewed') OR (kind = 'track' AND name = 'it''s bought' AND prop(properties, 'plan') = 'pro' AND num(prop(properties, 'price')) > 10 AND strpos(prop(obj(context, 'page'), 'path'), '/check''out') > 0 AND release IS NOT NULL AND prop(properties, 'note') = 'two
lines') OR (name = 'thanked'))
), step_2 AS (
  SELECT *, CASE WHEN is_2 AND time <= before_2 + INTERVAL '3600 seconds' THEN before_2 END AS begun_2
  FROM (SELECT *, max(CASE WHEN is_1 THEN time END) OVER (PARTITION BY person ORDER BY time, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_2 FROM step_1) AS s
), step_3 AS (
  SELECT *, CASE WHEN is_3 AND time <= before_3 + INTERVAL '3600 seconds' THEN before_3 END AS begun_3
  FROM (SELECT *, max(begun_2) OVER (PARTITION BY person ORDER BY time, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_3 FROM step_2) AS s
)
SELECT 1 AS step, count(DISTINCT person) AS visitors, NULL AS median_seconds FROM step_3 WHERE is_1
UNION ALL
SELECT 2, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FROM (SELECT person, min(EXTRACT(EPOCH FROM (time - begun_2))) AS took FROM step_3 WHERE begun_2 IS NOT NULL GROUP BY person) AS d
UNION ALL
SELECT 3, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FROM (SELECT person, min(EXTRACT(EPOCH FROM (time - begun_3))) AS took FROM step_3 WHERE begun_3 IS NOT NULL GROUP BY person) AS d
ORDER BY 1
