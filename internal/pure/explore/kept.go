package explore

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Kinds of questions that can be kept.
const (
	KindSQL       = "sql"
	KindTrend     = "trend"
	KindFunnel    = "funnel"
	KindRetention = "retention"
)

// Question is what can be asked.
type Question interface{ SQL() (string, error) }

// Checked gives the SQL of a question, or what is wrong with it, its zone too: see Span.Check.
func Checked(q Question, zone func(name string) error) (string, error) {
	sql, err := q.SQL()
	if span, ok := q.(interface {
		Check(load func(string) error) error
	}); ok && err == nil {
		err = span.Check(zone)
	}
	return sql, err
}

// Own is a question in a person's own words.
type Own struct {
	Text string `json:"sql"`
}

// SQL gives the words as they are.
func (q Own) SQL() (string, error) {
	if strings.TrimSpace(q.Text) == "" {
		return "", wrong("sql", "write a SELECT")
	}
	return q.Text, nil
}

// Kept is a question as it is kept: its kind, and what the API takes for that kind. In the place of from and to it may have "last", such as 7d: the time up to the moment at which it is asked.
type Kept struct {
	Kind     string
	Question json.RawMessage
}

// The longest that is kept, in bytes.
const mostOwn, mostKept = 110_000, 20_000

// At is the question as it is asked at a moment.
func (k Kept) At(now time.Time) (Question, error) {
	if len(k.Question) > mostOwn || k.Kind != KindSQL && len(k.Question) > mostKept {
		return nil, wrong("question", "it is too long to be kept")
	}
	switch k.Kind {
	case KindSQL:
		own := Own{}
		err := strict(k.Question, &own)
		return own, err
	case KindTrend:
		q := Trend{Measure: "events", Interval: "day"}
		err := k.at(now, &q, func() *Span { return &q.Span })
		return q, err
	case KindFunnel:
		q := Funnel{Within: 7 * 24 * 3600}
		err := k.at(now, &q, func() *Span { return &q.Span })
		return q, err
	case KindRetention:
		q := Retention{Interval: "week"}
		err := k.at(now, &q, func() *Span { return &q.Span })
		return q, err
	default:
		return nil, wrong("kind", "%q is none of sql, trend, funnel, retention", k.Kind)
	}
}

// at reads a question about a span of time.
func (k Kept) at(now time.Time, q any, span func() *Span) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(k.Question, &members); err != nil || members == nil {
		return wrong("question", "send the question as a JSON object")
	}
	last, lasting := members["last"]
	delete(members, "last")
	_, from := members["from"]
	_, to := members["to"]
	switch {
	case lasting && (from || to):
		return wrong("question.last", "say last, or from and to, and not both")
	case !lasting && (!from || !to):
		return wrong("question.last", "say which time it is about: last, such as 7d, or from and to")
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if err := strict(rest, q); err != nil {
		return err
	}
	if !lasting {
		return nil
	}
	var text string
	if err := json.Unmarshal(last, &text); err != nil {
		return badLast(string(last))
	}
	long, err := length(text)
	if err != nil {
		return err
	}
	span().From, span().To = now.Add(-long), now
	return nil
}

// length reads how long 90m, 24h or 7d is.
func length(text string) (time.Duration, error) {
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	if len(text) < 2 {
		return 0, badLast(text)
	}
	unit, known := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || !known || n == 0 || n > uint64(longest/unit) {
		return 0, badLast(text)
	}
	return time.Duration(n) * unit, nil
}

func badLast(text string) *Mistake {
	return wrong("question.last", "%s is no time; write 90m, 24h or 7d, ten years at most", text)
}

// strict reads JSON, and refuses what it does not know: a parameter that is misspelt would ask another question.
func strict(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return wrong(strings.TrimSuffix("question."+kind.Field, "."), "it cannot be a %s", kind.Value)
	default:
		return wrong("question", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
}
