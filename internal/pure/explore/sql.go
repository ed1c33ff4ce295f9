package explore

import (
	"fmt"
	"strings"
)

// By implements Quick.
func (q Trend) By(w Way) (string, error) {
	terms, err := w.terms(q.Scope)
	if err != nil {
		return "", err
	}
	selected, err := q.conditions(w, "")
	if err != nil {
		return "", err
	}
	bucket, err := q.bucket("interval", q.Interval, "minute", "hour", "day", "week", "month")
	if err != nil {
		return "", err
	}
	number, value, err := q.value(w)
	if err != nil {
		return "", err
	}
	from, person := w.events(), ""
	if q.Measure == "visitors" {
		from, person = w.people()
	}
	days := w.days(&bucket)
	terms = append(terms, selected...)
	if q.Split == "" {
		return days(fmt.Sprintf("SELECT %s AS bucket, %s AS value\nFROM %s\nWHERE %s\nGROUP BY 1", bucket, strings.ReplaceAll(value, "number", number), from, strings.Join(terms, "\n  AND "))) + "\nORDER BY 1", nil
	}
	split, err := w.property("split", q.Split)
	if err != nil {
		return "", err
	}
	columns := []string{bucket + " AS bucket", "coalesce(" + split + ", " + text(None) + ") AS split"}
	switch {
	case person != "":
		columns = append(columns, person)
	case number != "NULL":
		columns = append(columns, number+" AS number")
	}
	// Read twice rather than kept: of 20 million events what would be kept goes to the disk, and takes twice as long.
	return fmt.Sprintf(`WITH matched AS NOT MATERIALIZED (
  SELECT %s
  FROM %s
  WHERE %s
), frequent AS (
  SELECT split FROM matched GROUP BY split ORDER BY count(*) DESC, split LIMIT %d
)
%s
ORDER BY 1, 2`, strings.Join(columns, ", "), from, strings.Join(terms, "\n    AND "), top, days(fmt.Sprintf(`SELECT bucket, CASE WHEN split IN (SELECT split FROM frequent) THEN split ELSE %s END AS split, %s AS value
FROM matched
GROUP BY 1, 2`, text(Others), value))), nil
}

// value is the SQL of what is measured, of the column number where it is of a property, and the SQL of that.
func (q Trend) value(w Way) (number, value string, err error) {
	number = "NULL"
	value = map[string]string{"events": "count(*)", "visitors": w.visitors(buckets(q.Span, q.Interval) * map[bool]int{true: top + 1, false: 1}[q.Split != ""]), "sum": "sum(number)", "average": "avg(number)", "p90": "percentile_cont(0.9) WITHIN GROUP (ORDER BY number)"}[q.Measure]
	switch q.Measure {
	case "events", "visitors":
	case "sum", "average", "p90":
		if q.Of == "" {
			return "", "", wrong("of", "say which property the %s is of", q.Measure)
		}
		p, err := w.property("of", q.Of)
		if err != nil {
			return "", "", err
		}
		number = "num(" + p + ")"
	default:
		return "", "", wrong("measure", "%q is none of events, visitors, sum, average, p90", q.Measure)
	}
	return number, value, nil
}

// By implements Quick.
//
// A visitor goes on from step k-1 to k when an event of k follows one of k-1, and began at most the funnel's time before. For each event, begun_k is the latest beginning from which the
// first k steps are done by then: the latest is the one that leaves most time, so no other needs to be looked at.
func (q Funnel) By(w Way) (string, error) {
	terms, err := w.terms(q.Scope)
	if err != nil {
		return "", err
	}
	if n := len(q.Steps); n < 2 || n > 10 {
		return "", wrong("steps", "a funnel has 2 to 10 steps, not %d", n)
	}
	if q.Within < 1 {
		return "", wrong("within_seconds", "%d is too short; give at least a second", q.Within)
	}
	var is, steps []string
	for i, step := range q.Steps {
		selected, err := step.conditions(w, fmt.Sprintf("steps[%d].", i))
		if err != nil {
			return "", err
		}
		if len(selected) == 0 {
			return "", wrong(fmt.Sprintf("steps[%d]", i), "say which event the step is")
		}
		term := strings.Join(selected, " AND ")
		is = append(is, fmt.Sprintf("(%s) AS is_%d", term, i+1))
		steps = append(steps, "("+term+")")
	}
	if w.Numbers > 0 {
		return q.chained(w, terms, steps), nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "WITH step_1 AS (\n  SELECT person, time, seq, %s\n  FROM activity\n  WHERE %s\n    AND (%s)\n)", strings.Join(is, ", "), strings.Join(terms, "\n    AND "), strings.Join(steps, " OR "))
	begun := "CASE WHEN is_1 THEN time END"
	for k := 2; k <= len(q.Steps); k++ {
		fmt.Fprintf(&b, `, step_%d AS (
  SELECT *, CASE WHEN is_%d AND time <= before_%d + INTERVAL '%d seconds' THEN before_%d END AS begun_%d
  FROM (SELECT *, max(%s) OVER (PARTITION BY person ORDER BY time, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_%d FROM step_%d) AS s
)`, k, k, k, q.Within, k, k, begun, k, k-1)
		begun = fmt.Sprintf("begun_%d", k)
	}
	last := fmt.Sprintf("step_%d", len(q.Steps))
	fmt.Fprintf(&b, "\nSELECT 1 AS step, count(DISTINCT person) AS visitors, NULL AS median_seconds FROM %s WHERE is_1", last)
	for k := 2; k <= len(q.Steps); k++ {
		fmt.Fprintf(&b, "\nUNION ALL\nSELECT %d, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FROM (SELECT person, min(EXTRACT(EPOCH FROM (time - begun_%d))) AS took FROM %s WHERE begun_%d IS NOT NULL GROUP BY person) AS d", k, k, last, k)
	}
	b.WriteString("\nORDER BY 1")
	return b.String(), nil
}

// By implements Quick.
func (q Retention) By(w Way) (string, error) {
	terms, err := w.terms(q.Scope)
	if err != nil {
		return "", err
	}
	bucket, err := q.bucket("interval", q.Interval, "day", "week", "month")
	if err != nil {
		return "", err
	}
	first, err := q.First.conditions(w, "first.")
	if err != nil {
		return "", err
	}
	back, err := q.Back.conditions(w, "back.")
	if err != nil {
		return "", err
	}
	indent := func(terms ...string) string { return strings.Join(terms, "\n    AND ") }
	from, person := w.people()
	return fmt.Sprintf(`WITH first AS (
  SELECT %[1]s, min(%[2]s) AS cohort
  FROM %[3]s
  WHERE %[4]s
  GROUP BY %[1]s
), back AS (
  SELECT DISTINCT %[1]s, %[2]s AS bucket
  FROM %[3]s
  WHERE %[5]s
), sizes AS (
  SELECT cohort, count(*) AS size FROM first GROUP BY cohort
)
SELECT cohort, size, bucket, count(*) AS visitors
FROM first JOIN back USING (%[1]s) JOIN sizes USING (cohort)
WHERE bucket >= cohort
GROUP BY 1, 2, 3
ORDER BY 1, 3`, person, bucket, from, indent(append(terms[:len(terms):len(terms)], first...)...), indent(append(terms[:len(terms):len(terms)], back...)...)), nil
}

// By implements Quick.
func (q Top) By(w Way) (string, error) {
	terms, err := w.terms(q.Scope)
	if err != nil {
		return "", err
	}
	selected, err := q.conditions(w, "")
	if err != nil {
		return "", err
	}
	p, err := w.property("property", q.Property)
	if err != nil {
		return "", err
	}
	if q.Limit < 1 {
		return "", wrong("limit", "ask for one at least")
	}
	from, person := w.people()
	return fmt.Sprintf("SELECT coalesce(%s, %s) AS value, count(*) AS events, count(DISTINCT %s) AS visitors\nFROM %s\nWHERE %s\nGROUP BY 1\nORDER BY 2 DESC, 1\nLIMIT %d",
		p, text(None), person, from, strings.Join(append(terms, selected...), "\n  AND "), q.Limit), nil
}

// SQL answers with what the visitor did, and did before being known, the newest first.
func (q Timeline) SQL() (string, error) {
	if q.Visitor == "" {
		return "", wrong("visitor", "say whose events: a user id or an anonymous id")
	}
	if q.Limit < 1 {
		return "", wrong("limit", "ask for one at least")
	}
	id := text(q.Visitor)
	before := ""
	if !q.Before.IsZero() {
		before = "\n  AND time < " + moment(q.Before)
	}
	if q.Behind > 0 { // of several at one time, some may be on the page before
		at := fmt.Sprintf("(SELECT max(time) FROM events WHERE seq = %d)", q.Behind)
		before += fmt.Sprintf("\n  AND (time < %s OR (time = %s AND seq < %d))", at, at, q.Behind)
	}
	return fmt.Sprintf(`SELECT seq, time, kind, name, environment, release, user_id, anonymous_id, properties, context
FROM activity
WHERE person = coalesce((SELECT user_id FROM people WHERE anonymous_id = %s), %s)%s
ORDER BY time DESC, seq DESC
LIMIT %d`, id, id, before, q.Limit), nil
}
