package waffle

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	pure "github.com/slipwayhq/slipway/internal/pure/waffle"
)

// told is one flag, switch or sample as waffle_status has it.
type told struct {
	Active   bool      `json:"is_active"`
	Modified time.Time `json:"last_modified"`
}

// all decides everything that the key may know.
func (a *asked) all() (flags, switches, samples map[string]told) {
	flags, switches, samples = map[string]told{}, map[string]told{}, map[string]told{}
	for i := range a.set.All {
		f := &a.set.All[i]
		if f.Server && a.key.Kind != server {
			continue
		}
		is := told{Modified: f.CreatedAt}
		if state, ok := f.States[a.set.Environment]; ok {
			is.Modified = state.ChangedAt
		}
		is.Modified = is.Modified.UTC().Truncate(time.Millisecond)
		switch f.Kind {
		case flag.Switch:
			is.Active = a.set.Switches[f.Name].Active
			switches[f.Name] = is
		case flag.Sample:
			is.Active = a.set.Samples[f.Name].Active(a.draw())
			samples[f.Name] = is
		default:
			d, _ := a.flag(f.Name)
			is.Active = d.Active
			flags[f.Name] = is
		}
	}
	return flags, switches, samples
}

// status answers as waffle_status does.
func (d *Door) status(w http.ResponseWriter, r *http.Request) error {
	a, err := d.ask(w, r)
	if err != nil {
		return err
	}
	flags, switches, samples := a.all()
	a.setCookies(w, r)
	return writeJSON(w, map[string]any{"flags": flags, "switches": switches, "samples": samples})
}

// script answers as wafflejs does. Names are looked up as the object's own: "constructor" is a flag like others.
func (d *Door) script(w http.ResponseWriter, r *http.Request) error {
	a, err := d.ask(w, r)
	if err != nil {
		return err
	}
	flags, switches, samples := a.all()
	var literals [3]string
	for i, one := range []map[string]told{flags, switches, samples} {
		active := make(map[string]bool, len(one))
		for name, is := range one {
			active[name] = is.Active
		}
		text, err := json.Marshal(active)
		if err != nil {
			return fmt.Errorf("encode what is active: %w", err)
		}
		quoted, err := json.Marshal(string(text)) // a text, parsed: in a literal "__proto__" would be no member
		if err != nil {
			return fmt.Errorf("encode what is active: %w", err)
		}
		literals[i] = string(quoted)
	}
	a.setCookies(w, r)
	w.Header().Set("Content-Type", "application/javascript; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = fmt.Fprintf(w, program, literals[0], literals[1], literals[2], written(a.set.Settings.MissingOn)) // who does not listen any more needs no answer
	return nil
}

const program = `(function () {
  var FLAGS = JSON.parse(%s), SWITCHES = JSON.parse(%s), SAMPLES = JSON.parse(%s);
  function is(all, name, missing) {
    return Object.prototype.hasOwnProperty.call(all, name) ? all[name] : missing;
  }
  window.waffle = {
    flag_is_active: function (name) { return is(FLAGS, name, %s); },
    switch_is_active: function (name) { return is(SWITCHES, name, false); },
    sample_is_active: function (name) { return is(SAMPLES, name, false); },
    FLAGS: FLAGS, SWITCHES: SWITCHES, SAMPLES: SAMPLES
  };
})();
`

// setCookies sets what the decisions say. On a page of another site they are that site's alone: browsers keep no others there, and nobody is followed from site to site.
func (a *asked) setCookies(w http.ResponseWriter, r *http.Request) {
	cookies := a.cookies()
	names := make([]string, 0, len(cookies))
	for name := range cookies {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out := toSet(cookies[name])
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			out.SameSite, out.Secure, out.Partitioned = http.SameSiteNoneMode, true, true
		}
		http.SetCookie(w, out)
	}
}

// toSet is a cookie as an answer sets it. Pages may read it, as they may waffle's.
func toSet(c *pure.Cookie) *http.Cookie {
	return &http.Cookie{Name: c.Name, Value: c.Value, Path: "/", MaxAge: c.MaxAge, Secure: c.Secure, SameSite: http.SameSiteLaxMode}
}

// writeJSON answers 200.
func writeJSON(w http.ResponseWriter, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	_, _ = w.Write(raw) // who does not listen any more needs no answer
	return nil
}
