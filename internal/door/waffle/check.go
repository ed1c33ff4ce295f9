package waffle

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/slipwayhq/slipway/internal/fault"
	pure "github.com/slipwayhq/slipway/internal/pure/waffle"
)

// mostNames is how many names a check may have.
const mostNames = 1000

// question is what a backend asks.
type question struct {
	Flags    []string `json:"flags"`
	Switches []string `json:"switches"`
	Samples  []string `json:"samples"`
	asker
}

// decision is the answer to one name.
type decision struct {
	Active  bool   `json:"is_active"`
	Reason  string `json:"reason"`
	Missing bool   `json:"missing,omitempty"` // there was none when it was asked for
}

// cookie is one for the backend to set: in parts, and as the value of a Set-Cookie header.
type cookie struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	MaxAge int    `json:"max_age,omitempty"` // in seconds; without it, until the browser closes
	Secure bool   `json:"secure"`
	Path   string `json:"path"`
	Header string `json:"header"`
}

type answer struct {
	Flags    map[string]decision `json:"flags"`
	Switches map[string]decision `json:"switches"`
	Samples  map[string]decision `json:"samples"`
	Cookies  []cookie            `json:"cookies"`
}

// check answers a backend that keeps waffle's ways: those that it names, why, and the cookies for its own answer.
func (d *Door) check(w http.ResponseWriter, r *http.Request) error {
	k, err := d.key(r)
	if err != nil {
		return err
	}
	if k.Kind != server {
		return errServers
	}
	var q question
	if err := ofBody(w, r, &q); err != nil {
		return err
	}
	if n := len(q.Flags) + len(q.Switches) + len(q.Samples); n > mostNames {
		return fault.Invalid("the question has %d names; ask for at most %d at once", n, mostNames)
	}
	a, err := d.by(r.Context(), k, q.asker, r.Header)
	if err != nil {
		return err
	}
	out := a.answers(&q)
	d.miss(r.Context(), a, out)
	return writeJSON(w, out)
}

// answers decides what is named.
func (a *asked) answers(q *question) *answer {
	out := &answer{map[string]decision{}, map[string]decision{}, map[string]decision{}, []cookie{}}
	for _, name := range q.Flags {
		d, ok := a.flag(name)
		out.Flags[name] = decision{d.Active, string(d.Reason), !ok}
	}
	for _, name := range q.Switches {
		s, ok := a.set.Switches[name]
		out.Switches[name] = decision{s.Active, reasonOf("switch", ok), !ok}
	}
	for _, name := range q.Samples {
		s, ok := a.set.Samples[name]
		out.Samples[name] = decision{s.Active(a.draw()), reasonOf("drawn", ok), !ok}
	}
	for _, c := range a.cookies() {
		if header := toSet(c).String(); header != "" { // else its name cannot be that of a cookie
			out.Cookies = append(out.Cookies, cookie{c.Name, c.Value, c.MaxAge, c.Secure, "/", header})
		}
	}
	slices.SortFunc(out.Cookies, func(a, b cookie) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func reasonOf(by string, ok bool) string {
	if !ok {
		return string(pure.ByMissing)
	}
	return by
}
