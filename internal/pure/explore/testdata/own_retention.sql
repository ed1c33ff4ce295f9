WITH first AS (
  SELECT person_no, min(date_trunc('week', time AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')) AS cohort
  FROM counted
  WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
    AND time < TIMESTAMP '2026-12-01 00:00:00'
    AND environment = 'production'
    AND seq <= 1000
    AND name = 'signed up'
  GROUP BY person_no
), back AS (
  SELECT DISTINCT person_no, date_trunc('week', time AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin') AS bucket
  FROM counted
  WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
    AND time < TIMESTAMP '2026-12-01 00:00:00'
    AND environment = 'production'
    AND seq <= 1000
    AND kind = 'track'
    AND name = 'it''s bought'
    AND p1 = 'pro'
    AND num(prop(properties, 'price')) > 10
    AND strpos(prop(obj(context, 'page'), 'path'), '/check''out') > 0
    AND release IS NOT NULL
    AND prop(properties, 'note') = 'two
lines'
), sizes AS (
  SELECT cohort, count(*) AS size FROM first GROUP BY cohort
)
SELECT cohort, size, bucket, count(*) AS visitors
FROM first JOIN back USING (person_no) JOIN sizes USING (cohort)
WHERE bucket >= cohort
GROUP BY 1, 2, 3
ORDER BY 1, 3
