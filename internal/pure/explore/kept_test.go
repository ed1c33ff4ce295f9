package explore_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/explore"
)

func kept(kind, q string) explore.Kept {
	return explore.Kept{Kind: kind, Question: json.RawMessage(q)}
}

func TestAKeptQuestionIsTheOneThatIsAsked(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const span = `"from":"2026-11-01T00:00:00Z","to":"2026-11-29T12:00:00Z"`
	at := explore.Scope{Span: explore.Span{From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: now}}
	for _, c := range []struct {
		kind, kept string
		asked      explore.Question
	}{
		{"sql", `{"sql":"SELECT 1"}`, explore.Own{Text: "SELECT 1"}},
		{"trend", `{"event":"bought",` + span + `}`, explore.Trend{Scope: at, Selection: explore.Selection{Event: "bought"}, Measure: "events", Interval: "day"}},
		{"trend", `{"event":"bought","measure":"visitors","interval":"hour","last":"40236m"}`, explore.Trend{Scope: explore.Scope{Span: explore.Span{From: now.Add(-40236 * time.Minute), To: now}}, Selection: explore.Selection{Event: "bought"}, Measure: "visitors", Interval: "hour"}},
		{"funnel", `{"steps":[{"event":"a"},{"event":"b","where":[{"property":"p","is":"set"}]}],"last":"684h"}`, explore.Funnel{Scope: at, Within: 604_800, Steps: []explore.Selection{{Event: "a"}, {Event: "b", Where: []explore.Condition{{Property: "p", Is: "set"}}}}}},
		{"retention", `{"first":{"event":"a"},"environment":"production","last":"30d"}`, explore.Retention{Scope: explore.Scope{Span: explore.Span{From: now.AddDate(0, 0, -30), To: now}, Environment: "production"}, First: explore.Selection{Event: "a"}, Interval: "week"}},
	} {
		got, err := kept(c.kind, c.kept).At(now)
		if err != nil {
			t.Errorf("%s: %v", c.kept, err)
			continue
		}
		sql, err := got.SQL()
		want, wrong := c.asked.SQL()
		if sql != want || err != nil || wrong != nil {
			t.Errorf("%s is\n%s (%v), not\n%s (%v)", c.kept, sql, err, want, wrong)
		}
	}
}

func TestWhatCannotBeKeptIsNamed(t *testing.T) {
	for _, c := range []struct{ kind, kept, field, says string }{
		{"user", `{}`, "kind", "none of sql"},
		{"trend", `[]`, "question", "object"},
		{"trend", `null`, "question", "object"},
		{"trend", `{}`, "question.last", "last, such as 7d"},
		{"trend", `{"from":"2026-11-01T00:00:00Z"}`, "question.last", "from and to"},
		{"trend", `{"last":"7d","to":"2026-11-01T00:00:00Z"}`, "question.last", "not both"},
		{"trend", `{"last":7}`, "question.last", "no time"},
		{"trend", `{"last":"d"}`, "question.last", "no time"},
		{"trend", `{"last":"0d"}`, "question.last", "no time"},
		{"trend", `{"last":"-7d"}`, "question.last", "no time"},
		{"trend", `{"last":"7w"}`, "question.last", "no time"},
		{"trend", `{"last":"4000d"}`, "question.last", "ten years"},
		{"trend", `{"last":"7d","spilt":"plan"}`, "question", `unknown field "spilt"`},
		{"trend", `{"last":"7d","split":7}`, "question.split", "cannot be a number"},
		{"sql", `{"sql":"SELECT 1","limit":7}`, "question", `"limit"`},
		{"trend", `{"last":"7d","event":"` + strings.Repeat("x", 20_000) + `"}`, "question", "too long"},
	} {
		_, err := kept(c.kind, c.kept).At(time.Now())
		var m *explore.Mistake
		if !errors.As(err, &m) || m.Field != c.field || !strings.Contains(m.Message, c.says) {
			t.Errorf("%s %.50s: %v, which is not about %s: %s", c.kind, c.kept, err, c.field, c.says)
		}
	}
}
