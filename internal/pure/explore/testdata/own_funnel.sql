WITH step_1 AS (
  SELECT person_no, ((epoch_us(time) - 1793491200000000) << 21) + (seq & 2097151) AS begun
  FROM counted
  WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
    AND time < TIMESTAMP '2026-12-01 00:00:00'
    AND environment = 'production'
    AND seq <= 1000
    AND (name = 'viewed')
), step_2 AS (
  SELECT e.person_no, e.moment, b.begun
  FROM (SELECT person_no, ((epoch_us(time) - 1793491200000000) << 21) + (seq & 2097151) AS moment
  FROM counted
  WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
    AND time < TIMESTAMP '2026-12-01 00:00:00'
    AND environment = 'production'
    AND seq <= 1000
    AND (kind = 'track' AND name = 'it''s bought' AND p1 = 'pro' AND num(prop(properties, 'price')) > 10 AND strpos(prop(obj(context, 'page'), 'path'), '/check''out') > 0 AND release IS NOT NULL AND prop(properties, 'note') = 'two
lines')) AS e
  ASOF JOIN step_1 AS b ON b.person_no = e.person_no AND b.begun < e.moment
  WHERE (e.moment >> 21) - (b.begun >> 21) <= 3600000000
), step_3 AS (
  SELECT e.person_no, e.moment, b.begun
  FROM (SELECT person_no, ((epoch_us(time) - 1793491200000000) << 21) + (seq & 2097151) AS moment
  FROM counted
  WHERE time >= TIMESTAMP '2026-11-01 00:00:00'
    AND time < TIMESTAMP '2026-12-01 00:00:00'
    AND environment = 'production'
    AND seq <= 1000
    AND (name = 'thanked')) AS e
  ASOF JOIN step_2 AS b ON b.person_no = e.person_no AND b.moment < e.moment
  WHERE (e.moment >> 21) - (b.begun >> 21) <= 3600000000
)
SELECT 1 AS step, coalesce(bit_count(bitstring_agg(person_no, 0, 1999999)), 0) AS visitors, NULL AS median_seconds FROM step_1
UNION ALL
SELECT 2, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took) / 1e6 FROM (SELECT person_no, min((moment >> 21) - (begun >> 21)) AS took FROM step_2 GROUP BY person_no) AS d
UNION ALL
SELECT 3, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took) / 1e6 FROM (SELECT person_no, min((moment >> 21) - (begun >> 21)) AS took FROM step_3 GROUP BY person_no) AS d
ORDER BY 1
