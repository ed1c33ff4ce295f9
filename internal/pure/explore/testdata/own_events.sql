SELECT * REPLACE (CAST(bucket AS TIMESTAMP) AS bucket)
FROM (SELECT CAST(time AS DATE) AS bucket, count(*) AS value
FROM stored
WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
  AND time < TIMESTAMP '2026-12-01 00:00:00'
  AND environment = 'production'
  AND seq <= 1000
GROUP BY 1) AS d
ORDER BY 1
