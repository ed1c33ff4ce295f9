SELECT seq, time, kind, name, environment, release, user_id, anonymous_id, properties, context
FROM activity
WHERE person = coalesce((SELECT user_id FROM people WHERE anonymous_id = 'u''1'), 'u''1')
  AND time < TIMESTAMP '2026-12-01 00:00:00'
ORDER BY time DESC, seq DESC
LIMIT 100
