SELECT date_trunc('minute', time) AS bucket, count(DISTINCT person_no) AS value
FROM counted
WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
  AND time < TIMESTAMP '2026-12-01 00:00:00'
  AND environment = 'production'
  AND seq <= 1000
GROUP BY 1
ORDER BY 1
