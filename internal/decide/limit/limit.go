package limit

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Limit is a limit of an app.
type Limit struct {
	App        string     `json:"-"`
	Group      string     `json:"group" doc:"What it limits: this group, and all that begin with it and a colon, each by itself" example:"api:search"`
	Definition rate.Limit `json:"definition" doc:"How much, and how it counts"`
	Note       string     `json:"note,omitempty" doc:"What it is for"`
	Overrides  []Override `json:"overrides" doc:"Other amounts for single groups"`
	Revision   int64      `json:"revision"`
	ChangedAt  time.Time  `json:"changed_at"`
	ChangedBy  string     `json:"changed_by"`
	Words      string     `json:"words" doc:"The limit in a line" example:"100 a minute, 20 at once"`
	generation int64
	rule       *rate.Rule
}

// Override is another amount for one group of a limit.
type Override struct {
	Group  string    `json:"group" doc:"The whole group" example:"api:search:ana"`
	Amount int64     `json:"amount" doc:"Instead of the limit's; 0 denies everything"`
	Burst  int64     `json:"burst,omitempty" doc:"Instead of the limit's; 0: as many at once as the limit has, or the amount where it has none"`
	Until  time.Time `json:"until,omitzero" doc:"When the limit's own amount holds again; left out: never"`
	Reason string    `json:"reason,omitempty"`
	SetAt  time.Time `json:"set_at"`
	SetBy  string    `json:"set_by"`
}

// Over says that the limit's own amount holds again.
func (o Override) Over(now time.Time) bool { return !o.Until.IsZero() && !o.Until.After(now) }

const (
	maxLimits    = 10_000
	maxOverrides = 10_000 // of a limit
	maxNote      = 500
)

// checkGroup refuses names that cannot be asked.
func checkGroup(group string, most int) error {
	switch {
	case group == "":
		return fault.Invalid("a limit needs a group, such as \"api\" or \"api:search\"").At("body.group")
	case len(group) > most:
		return fault.Invalid("a group has at most %d bytes, not %d", most, len(group)).At("body.group")
	case strings.HasPrefix(group, ":"), strings.HasSuffix(group, ":"), strings.Contains(group, "::"):
		return fault.Invalid("a colon parts a group from what is below it, so there is something on both sides of each; %q has an empty part", short(group)).At("body.group")
	case strings.ContainsFunc(group, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return fault.Invalid("a group is printable text; %q is not", short(group)).At("body.group")
	}
	return nil
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// compile makes the limit ready, and says it in words.
func (l *Limit) compile() error {
	r, err := compiled(l.Definition)
	if err != nil {
		return err
	}
	l.rule, l.Words = r, Words(l.Definition)
	return nil
}

func compiled(d rate.Limit) (*rate.Rule, error) {
	r, err := rate.Compile(d, time.LoadLocation)
	if f, ok := err.(*rate.Fault); ok { //nolint:errorlint // it is never wrapped
		return nil, fault.Invalid("%s", f.Text).At("body.definition." + f.Field)
	}
	return r, err
}

// with is the limit's rule with an override's amounts.
func (l *Limit) with(o Override) (*rate.Rule, error) {
	d := l.Definition
	d.Amount, d.Burst = o.Amount, o.Burst
	if d.Kind == rate.Rolling && d.Burst == 0 && l.Definition.Burst > 0 {
		d.Burst = max(l.Definition.Burst, 1)
	}
	r, err := rate.Compile(d, time.LoadLocation)
	if f, ok := err.(*rate.Fault); ok { //nolint:errorlint // it is never wrapped
		return nil, fault.Invalid("%s", f.Text).At("body." + f.Field)
	}
	return r, err
}

// defined is the limit as it is asked in an environment. Overrides whose time is over are left out.
func (l *Limit) defined(env string, now time.Time) (*rate.Defined, error) {
	d := &rate.Defined{App: l.App, Env: env, Group: l.Group, Series: series(l.App, env, l.Group, l.generation), Rule: l.rule}
	for _, o := range l.Overrides {
		if o.Over(now) {
			continue
		}
		r, err := l.with(o)
		if err != nil {
			return nil, err
		}
		if d.Overrides == nil {
			d.Overrides = map[string]*rate.Rule{}
		}
		d.Overrides[o.Group] = r
	}
	return d, nil
}

// series is the number of what an environment counts of a limit.
func series(app, env, group string, generation int64) uint64 {
	h := fnv.New64a()
	for _, s := range []string{app, env, group, strconv.FormatInt(generation, 10)} {
		_, _ = h.Write([]byte(s)) // never fails
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// recounts tells whether what was taken means nothing to another definition.
func recounts(a, b rate.Limit) bool {
	return a.Kind != b.Kind || a.Kind == rate.Calendar && (a.Unit != b.Unit || a.Zone != b.Zone)
}

// Words is a limit in a line.
func Words(l rate.Limit) string {
	n := number(l.Amount)
	var s string
	switch l.Kind {
	case rate.Rolling:
		s = n + " " + window(l)
		if l.Burst > 0 && l.Burst != l.Amount {
			s += ", " + number(l.Burst) + " at once"
		}
	case rate.Calendar:
		s = n + " each " + string(l.Unit) + " of the calendar"
		if l.Zone != "" {
			s += " in " + l.Zone
		}
	case rate.Ever:
		s = n + " ever"
	case rate.Concurrent:
		s = n + " at once, "
		if l.Refill > 0 {
			s += "refilled by " + number(l.Refill) + " " + window(l)
		} else {
			s += "each for " + span(l.HoldSeconds) + " at most"
		}
	}
	if l.Shadow {
		s += "; counts only"
	}
	return s
}

func window(l rate.Limit) string {
	if l.Every > 1 {
		return "in " + number(l.Every) + " " + string(l.Unit) + "s"
	}
	if l.Unit == rate.Hour {
		return "an hour"
	}
	return "a " + string(l.Unit)
}

// number writes thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && n >= 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func span(seconds int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		if seconds%u.size == 0 {
			if seconds == u.size {
				return "1 " + u.name
			}
			return number(seconds/u.size) + " " + u.name + "s"
		}
	}
	return ""
}
