SELECT seq, time, kind, name, environment, release, user_id, anonymous_id, properties, context
FROM activity
WHERE person = coalesce((SELECT user_id FROM people WHERE anonymous_id = 'u1'), 'u1')
  AND (time < (SELECT max(time) FROM events WHERE seq = 41) OR (time = (SELECT max(time) FROM events WHERE seq = 41) AND seq < 41))
ORDER BY time DESC, seq DESC
LIMIT 100
