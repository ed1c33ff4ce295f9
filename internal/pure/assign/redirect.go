package assign

import (
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// Redirect finds the first of the experiments beside the flags that sends visitors elsewhere and includes this one. to is empty where it leaves the visitor here.
func (f *Flags) Redirect(v *Visitor, t *Trail) (a Assignment, to string, ok bool) {
	for _, e := range f.experiments {
		if !e.redirects() {
			continue
		}
		if a = f.Run(e, v, t); a.In {
			to = a.Value().redirect()
			if to != "" && e.rare.persist {
				to = merged(to, v.URL)
			}
			return a, to, true
		}
	}
	return Assignment{}, "", false
}

func (e *Experiment) redirects() bool {
	for _, v := range e.Variations {
		if v.redirect() != "" {
			return true
		}
	}
	return false
}

// redirect is where a variation sends its visitors.
func (v Value) redirect() (to string) {
	r := span.New(v.raw)
	if r.Kind() != '{' {
		return ""
	}
	_ = r.Object(func(key string) (err error) { // checked when it was compiled
		if key == "urlRedirect" && r.Kind() == '"' {
			to, err = r.String()
			return err
		}
		_, err = r.Skip()
		return err
	})
	return to
}

// merged takes the parameters of a page along to another one, whose own come first.
func merged(to, from string) string {
	a := split(to)
	own := map[string]bool{}
	parameters(a.query, func(name, _ string) bool { own[name] = true; return false })
	var names []string
	last := map[string]string{}
	for pair := range strings.SplitSeq(split(from).query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name = decoded(name); pair == "" || own[name] {
			continue
		}
		if _, ok := last[name]; !ok {
			names = append(names, name)
		}
		last[name] = pair
	}
	for _, name := range names {
		if a.query != "" {
			a.query += "&"
		}
		a.query += last[name]
	}
	to = a.origin + a.path
	if a.query != "" {
		to += "?" + a.query
	}
	if a.fragment != "" {
		to += "#" + a.fragment
	}
	return to
}
