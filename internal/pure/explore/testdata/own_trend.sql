WITH matched AS NOT MATERIALIZED (
  SELECT CAST(time AS DATE) AS bucket, coalesce(p1, '(none)') AS split, person_no
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
), frequent AS (
  SELECT split FROM matched GROUP BY split ORDER BY count(*) DESC, split LIMIT 10
)
SELECT * REPLACE (CAST(bucket AS TIMESTAMP) AS bucket)
FROM (SELECT bucket, CASE WHEN split IN (SELECT split FROM frequent) THEN split ELSE '(others)' END AS split, bit_count(bitstring_agg(person_no, 0, 1999999)) AS value
FROM matched
GROUP BY 1, 2) AS d
ORDER BY 1, 2
