SELECT coalesce(prop(properties, '$browser'), '(none)') AS value, count(*) AS events, count(DISTINCT person) AS visitors
FROM activity
WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
  AND time < TIMESTAMP '2026-12-01 00:00:00'
  AND environment = 'production'
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT 20
