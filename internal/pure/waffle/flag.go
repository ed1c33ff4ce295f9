package waffle

import (
	"math"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// Flag is on for some requests.
type Flag struct {
	Name          string
	Everyone      *bool   // on or off for all, whatever else is set; nil: as below
	Percent       float64 // of the visitors, 0.0 to 99.9
	Testing       bool    // a request may switch it: ?dwft_NAME=1, or the header dwft-NAME
	Superusers    bool
	Staff         bool
	Authenticated bool // whoever is signed in
	Languages     []string
	Groups        []string
	Users         map[string]bool
	Rollout       bool   // who was not drawn is asked again in the next session
	Salt          string // places those who are signed in; empty: waffle's own dice
}

// Settings are waffle's own, by their names there. The zero Settings are its defaults.
type Settings struct {
	Override    bool // WAFFLE_OVERRIDE: ?NAME=1 decides, whatever the flag says
	FlagDefault bool // WAFFLE_FLAG_DEFAULT: what a flag is that nobody has made
	MaxAge      int  // WAFFLE_MAX_AGE, of the cookie, in seconds; 0: a month
	Insecure    bool // not WAFFLE_SECURE: the cookie goes over plain HTTP as well
}

// month is how long a cookie keeps an answer.
const month = 2592000

// Request is what is known of a request. Query, Header and Cookie look a name up, the last of several; nil has none. Header names are alike in both cases.
type Request struct {
	Query, Header, Cookie func(name string) (value string, ok bool)

	Language  string
	User      string // "" for who is not signed in
	Staff     bool
	Superuser bool
	Groups    []string
	Draw      float64 // from 0 to 100, by dice
	ReadOnly  bool    // draw nothing, and set no cookie for percent
}

// Reason is what decided.
type Reason string

// In the order in which they are asked.
const (
	ByMissing       Reason = "missing"
	ByOverride      Reason = "override"
	ByEveryone      Reason = "everyone"
	ByTestQuery     Reason = "test query"
	ByTestHeader    Reason = "test header"
	ByTestCookie    Reason = "test cookie"
	ByLanguage      Reason = "language"
	ByAuthenticated Reason = "authenticated"
	ByStaff         Reason = "staff"
	BySuperuser     Reason = "superuser"
	ByUser          Reason = "user"
	ByGroup         Reason = "group"
	ByPlace         Reason = "percent, by user"
	ByCookie        Reason = "percent, by cookie"
	ByDraw          Reason = "percent, drawn"
	ByNothing       Reason = "nothing"
)

// Decision is whether a flag is on, and why.
type Decision struct {
	Active bool
	Reason Reason
	Cookie *Cookie // to be set with the answer, if any
}

// Cookie is one that the answer sets.
type Cookie struct {
	Name, Value string
	MaxAge      int // in seconds; 0: until the browser closes
	Secure      bool
}

// Missing is the decision for a flag that nobody has made.
func (s Settings) Missing() Decision { return Decision{Active: s.FlagDefault, Reason: ByMissing} }

// Decide asks a flag.
func (s Settings) Decide(f *Flag, r *Request) Decision {
	if s.Override {
		if v, ok := look(r.Query, f.Name); ok {
			return Decision{Active: v == "1", Reason: ByOverride}
		}
	}
	if f.Everyone != nil {
		return Decision{Active: *f.Everyone, Reason: ByEveryone}
	}
	if f.Testing {
		if d, ok := tested(f, r); ok {
			return d
		}
	}
	if r.Language != "" && slices.Contains(f.Languages, r.Language) {
		return Decision{Active: true, Reason: ByLanguage}
	}
	if by := f.means(r); by != "" {
		return Decision{Active: true, Reason: by}
	}
	if f.Percent > 0 {
		if d, ok := s.percent(f, r); ok {
			return d
		}
	}
	return Decision{Reason: ByNothing}
}

func look(in func(string) (string, bool), name string) (string, bool) {
	if in == nil {
		return "", false
	}
	return in(name)
}

// tested asks what a tester has set: for this request, which is remembered until the browser closes, or for an earlier one.
func tested(f *Flag, r *Request) (d Decision, ok bool) {
	name := "dwft_" + f.Name
	v, ok := look(r.Query, name)
	d.Reason = ByTestQuery
	if !ok {
		d.Reason = ByTestHeader
		v, ok = look(r.Header, strings.ReplaceAll(name, "_", "-"))
	}
	if ok {
		d.Active = v == "1"
		d.Cookie = &Cookie{Name: name, Value: written(d.Active)}
		return d, true
	}
	v, ok = look(r.Cookie, name)
	return Decision{Active: v == "True", Reason: ByTestCookie}, ok
}

// means tells by what the flag means the visitor, "" if it does not.
func (f *Flag) means(r *Request) Reason {
	switch signedIn := r.User != ""; {
	case f.Authenticated && signedIn:
		return ByAuthenticated
	case f.Staff && r.Staff:
		return ByStaff
	case f.Superusers && r.Superuser:
		return BySuperuser
	case signedIn && f.Users[r.User]:
		return ByUser
	case slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(f.Groups, g) }):
		return ByGroup
	}
	return ""
}

// percent places, remembers or draws.
func (s Settings) percent(f *Flag, r *Request) (d Decision, ok bool) {
	name := "dwf_" + f.Name
	kept, isKept := look(r.Cookie, name)
	switch {
	case f.Salt != "" && r.User != "":
		d = Decision{Active: f.places(r.User), Reason: ByPlace}
	case isKept:
		d = Decision{Active: kept == "True", Reason: ByCookie}
	case r.ReadOnly:
		return d, false
	default:
		d = Decision{Active: r.Draw <= f.Percent, Reason: ByDraw}
	}
	if !r.ReadOnly {
		d.Cookie = s.cookie(name, d.Active, f.Rollout && !d.Active)
	}
	return d, true
}

// places tells whether a user stands within the percentage, of ten thousand places.
func (f *Flag) places(user string) bool {
	n, _ := assign.Hash(f.Salt, user, 2)
	return math.Round(n*10_000) < math.Round(f.Percent*100)
}

func (s Settings) cookie(name string, active, session bool) *Cookie {
	c := &Cookie{Name: name, Value: written(active), MaxAge: s.MaxAge, Secure: !s.Insecure}
	switch {
	case session:
		c.MaxAge = 0
	case c.MaxAge == 0:
		c.MaxAge = month
	}
	return c
}

// written is a truth as Python writes it.
func written(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// Languages reads waffle's list of languages, which has commas.
func Languages(list string) (out []string) {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}
