package waffle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// maxBody is the size of the largest body, in bytes, and maxGroups how many groups somebody may be in.
const (
	maxBody   = 1 << 20
	maxGroups = 1000
)

// asker is who asks, as the request says it.
type asker struct {
	User      id       `json:"user"`      // who is signed in
	Anonymous id       `json:"anonymous"` // the browser, as the app's events call it: by it what was shown is recorded of who is not signed in
	Staff     bool     `json:"staff"`
	Superuser bool     `json:"superuser"`
	Groups    []string `json:"groups"`
	Language  string   `json:"language"`
	Release   string   `json:"release"`
	ReadOnly  bool     `json:"read_only"`

	Query   map[string]string `json:"query"`
	Headers map[string]string `json:"headers"`
	Cookies map[string]string `json:"cookies"`
}

// id is a text, or a number, as many databases have them.
type id string

// UnmarshalJSON reads either.
func (i *id) UnmarshalJSON(raw []byte) error {
	switch c := raw[0]; {
	case c == 'n':
		return nil
	case c == '-' || c >= '0' && c <= '9':
		*i = id(raw)
		return nil
	default:
		return json.Unmarshal(raw, (*string)(i))
	}
}

// own are the parameters that are the door's, and no flag's.
func own(name string) bool {
	return slices.Contains([]string{"key", "user", "anonymous", "staff", "superuser", "groups", "language", "release", "read_only"}, name)
}

// ofQuery reads who asks from the address.
func ofQuery(q url.Values) (a asker, err error) {
	a = asker{User: id(q.Get("user")), Anonymous: id(q.Get("anonymous")), Language: q.Get("language"), Release: q.Get("release")}
	for name, into := range map[string]*bool{"staff": &a.Staff, "superuser": &a.Superuser, "read_only": &a.ReadOnly} {
		if v := q.Get(name); v != "" {
			if *into, err = strconv.ParseBool(strings.ToLower(v)); err != nil {
				return a, api.Malformed(fmt.Sprintf("%s is true or false, and not %q", name, v))
			}
		}
	}
	for _, list := range q["groups"] {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one != "" {
				a.Groups = append(a.Groups, one)
			}
		}
	}
	return a, nil
}

// ofBody reads JSON into a struct. A member that is none is a mistake: what nobody reads would be a flag that is off for no reason.
func ofBody(w http.ResponseWriter, r *http.Request, into any) error {
	from := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	from.DisallowUnknownFields()
	err := from.Decode(into)
	switch {
	case err == nil && from.More():
		return api.Malformed("there is more than one JSON object in the body")
	case tooLarge(err):
		return api.TooLarge(fmt.Sprintf("the body is larger than %d KB", maxBody>>10))
	case err != nil:
		return api.Malformed("the body is not what is expected here: " + said(err))
	}
	return nil
}

// said is what is wrong with a body, in the words of JSON.
func said(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	wanted := map[reflect.Kind]string{reflect.Slice: "a list of texts", reflect.Map: "an object of texts", reflect.Struct: "an object", reflect.String: "a text", reflect.Bool: "true or false"}[wrong.Type.Kind()]
	name := cmp.Or(wrong.Field, "it")
	name = name[strings.LastIndexByte(name, '.')+1:] // the members of who asks are embedded
	if wanted == "" {
		return fmt.Sprintf("%s cannot be a %s", name, wrong.Value)
	}
	return fmt.Sprintf("%s must be %s, not a %s", name, wanted, wrong.Value)
}

// check says what is wrong with who asks.
func (a *asker) check() error {
	for name, v := range map[string]string{"user": string(a.User), "anonymous": string(a.Anonymous), "language": a.Language, "release": a.Release} {
		if len(v) > capture.MaxName {
			return fault.Invalid("%s has %d bytes; at most %d", name, len(v), capture.MaxName)
		}
	}
	if len(a.Groups) > maxGroups {
		return fault.Invalid("there are %d groups; at most %d", len(a.Groups), maxGroups)
	}
	return nil
}

// lookup finds a name in what the body has, in whatever case for headers.
func lookup(in map[string]string, anyCase bool) func(string) (string, bool) {
	if len(in) == 0 {
		return nil
	}
	if anyCase {
		small := make(map[string]string, len(in))
		for name, v := range in {
			small[strings.ToLower(name)] = v
		}
		return func(name string) (string, bool) {
			v, ok := small[strings.ToLower(name)]
			return v, ok
		}
	}
	return func(name string) (string, bool) {
		v, ok := in[name]
		return v, ok
	}
}

// lastOf gives the last of several values, as Python's frameworks do.
func lastOf(all []string) (string, bool) {
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1], true
}

// cookieOf reads one of waffle's own cookies, by its name; of others nothing is read.
func cookieOf(r *http.Request) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if !strings.HasPrefix(name, "dwf_") && !strings.HasPrefix(name, "dwft_") {
			return "", false
		}
		all := r.CookiesNamed(name)
		if len(all) == 0 {
			return "", false
		}
		return all[len(all)-1].Value, true
	}
}
