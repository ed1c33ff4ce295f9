package explore

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Way is what one store has beside what all have, so that it answers sooner. The zero Way has nothing: a question's SQL by it is the one that people are shown, which every store answers.
type Way struct {
	// Numbers is how many numbers visitors have: the relation counted is activity with person_no, below Numbers, in the place of person. 0 means that the store has nothing of its own.
	Numbers int
	// Columns hold properties, by the property's name, in counted and in the relation stored, which is events otherwise.
	Columns map[string]string
	// Events is how many events there are, and Bits how many bytes of bits tell visitors apart at most, for all groups of an answer.
	Events, Bits int64
	// Through is the last sequence of the log for which the columns and the numbers are there; what came behind it is no part of the answer.
	Through uint64
}

// Quick is a question that has a way of its own where the store has one.
type Quick interface {
	Question
	// By is the SQL that gives the same answer by a store's way.
	By(w Way) (string, error)
	// Properties are those it asks for that a store may have columns for, sorted.
	Properties() []string
}

var _ = []Quick{Trend{}, Funnel{}, Retention{}, Top{}}

// SQL answers with the columns bucket, value, and split where there is one; in the order of time.
func (q Trend) SQL() (string, error) { return q.By(Way{}) }

// SQL answers with one row a step: step (from 1), visitors, and median_seconds since the first step.
func (q Funnel) SQL() (string, error) { return q.By(Way{}) }

// SQL answers with one row a cohort and interval: cohort (when it came first), size, bucket, and visitors who came back in it.
func (q Retention) SQL() (string, error) { return q.By(Way{}) }

// SQL answers with value, events and visitors, the most frequent first.
func (q Top) SQL() (string, error) { return q.By(Way{}) }

// Properties implements Quick.
func (q Trend) Properties() []string {
	all := append(q.properties(), q.Split)
	if q.Measure == "sum" || q.Measure == "average" || q.Measure == "p90" {
		all = append(all, q.Of)
	}
	return columned(all)
}

// Properties implements Quick.
func (q Funnel) Properties() []string {
	var all []string
	for _, s := range q.Steps {
		all = append(all, s.properties()...)
	}
	return columned(all)
}

// Properties implements Quick.
func (q Retention) Properties() []string {
	return columned(append(q.First.properties(), q.Back.properties()...))
}

// Properties implements Quick.
func (q Top) Properties() []string { return columned(append(q.properties(), q.Property)) }

func (s Selection) properties() (all []string) {
	for _, c := range s.Where {
		all = append(all, c.Property)
	}
	return all
}

// columned are the names among them of an event's properties: not of its context, nor of what it has a column for anyway.
func columned(names []string) []string {
	set := map[string]bool{}
	for _, name := range names {
		if name != "" && !strings.HasPrefix(name, "event.") && !strings.HasPrefix(name, "context.") {
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// events is the relation of events.
func (w Way) events() string {
	if w.Numbers > 0 {
		return "stored"
	}
	return "events"
}

// people are the relation, and the column of it, that tell who did something.
func (w Way) people() (relation, person string) {
	if w.Numbers > 0 {
		return "counted", "person_no"
	}
	return "activity", "person"
}

// sparse is how many numbers there may be for each event of a group: with more, a group's bits are mostly empty, and take longer to count than the events.
const sparse = 64

// visitors counts different people within each of so many groups.
func (w Way) visitors(groups int) string {
	if w.Numbers == 0 {
		return "count(DISTINCT person)"
	}
	if int64(groups)*int64(w.Numbers)/8 > w.Bits || int64(groups)*int64(w.Numbers) > w.Events*sparse {
		return "count(DISTINCT person_no)"
	}
	return fmt.Sprintf("bit_count(bitstring_agg(person_no, 0, %d))", max(w.Numbers-1, 1))
}

// terms are those of a scope.
func (w Way) terms(s Scope) ([]string, error) {
	terms, err := s.terms()
	if err == nil && w.Numbers > 0 {
		terms = append(terms, fmt.Sprintf("seq <= %d", w.Through))
	}
	return terms, err
}

// buckets is how many intervals there are in a span, at most.
func buckets(s Span, interval string) int {
	least := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 23 * time.Hour, "week": 7 * 23 * time.Hour, "month": 28 * 23 * time.Hour}[interval]
	return int(s.To.Sub(s.From)/least) + 2
}

// days has a store group by the day rather than by its first moment, which takes a fourth of the time; what it gives makes the moment of it in the end.
func (w Way) days(bucket *string) func(grouped string) string {
	if w.Numbers == 0 || *bucket != "date_trunc('day', time)" {
		return func(grouped string) string { return grouped }
	}
	*bucket = "CAST(time AS DATE)"
	return func(grouped string) string {
		return "SELECT * REPLACE (CAST(bucket AS TIMESTAMP) AS bucket)\nFROM (" + grouped + ") AS d"
	}
}

// chained is the funnel as a chain of joins: each event of a step is joined to the last one of the step before. By the latest beginning each step is as late as it can be, so that no other needs to be looked at.
func (q Funnel) chained(w Way, terms, steps []string) string {
	span := uint64(q.To.Sub(q.From).Microseconds())
	// A moment is the time and, of events at one time, their order in the log, in one number. The order is of the sequence's last bits, 14 or more: of two at one microsecond it is wrong where these begin anew.
	order := 63 - bits.Len64(span)
	moment := fmt.Sprintf("((epoch_us(time) - %d) << %d) + (seq & %d)", q.From.UnixMicro(), order, uint64(1)<<order-1)
	took := func(moment, begun string) string {
		return fmt.Sprintf("(%s >> %d) - (%s >> %d)", moment, order, begun, order)
	}
	var b strings.Builder
	for k, step := range steps {
		name, before := "moment", "moment"
		switch k {
		case 0:
			name = "begun"
		case 1:
			before = "begun"
		}
		events := fmt.Sprintf("SELECT person_no, %s AS %s\n  FROM counted\n  WHERE %s\n    AND %s", moment, name, strings.Join(terms, "\n    AND "), step)
		if k == 0 {
			fmt.Fprintf(&b, "WITH step_1 AS (\n  %s\n)", events)
			continue
		}
		fmt.Fprintf(&b, ", step_%d AS (\n  SELECT e.person_no, e.moment, b.begun\n  FROM (%s) AS e\n  ASOF JOIN step_%d AS b ON b.person_no = e.person_no AND b.%s < e.moment\n  WHERE %s <= %d\n)",
			k+1, events, k, before, took("e.moment", "b.begun"), int64(q.Within)*1_000_000)
	}
	fmt.Fprintf(&b, "\nSELECT 1 AS step, coalesce(%s, 0) AS visitors, NULL AS median_seconds FROM step_1", w.visitors(1))
	for k := 2; k <= len(steps); k++ {
		fmt.Fprintf(&b, "\nUNION ALL\nSELECT %d, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took) / 1e6 FROM (SELECT person_no, min(%s) AS took FROM step_%d GROUP BY person_no) AS d", k, took("moment", "begun"), k)
	}
	b.WriteString("\nORDER BY 1")
	return b.String()
}
