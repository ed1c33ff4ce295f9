package waffle

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/fault"
)

// server is the kind of a key that a trusted backend has.
const server = "server"

// Door is what waffle's and RateLim.it's clients call.
type Door struct {
	Flags     *flag.Service
	Exposures *expose.Exposures // which visitors got which side of a percentage
	Now       func() time.Time
	Dice      func() float64 // from 0 to 1
	Logger    *slog.Logger

	missing missing
	most    int // how many names are created in an app; 0: mostCreated. Tests have less
}

// Mount adds the paths.
func (d *Door) Mount(mux *http.ServeMux) {
	d.open(mux, "/wafflejs", d.script)
	d.open(mux, "/waffle_status", d.status)
	mux.HandleFunc("POST /v1/waffle/check", d.answer(d.check))
	mux.HandleFunc("GET /api/v1/featureflags", d.answer(d.features))
	mux.HandleFunc("GET /api/v1/featureflags/{feature}/on", d.answer(d.featureOn))
}

// answer serves what may fail. Nothing here is kept by caches: it is one visitor's, and now.
func (d *Door) answer(do func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private")
		w.Header().Set("Expires", "0")
		if err := do(w, r); err != nil {
			if api.WriteProblem(w, err) >= http.StatusInternalServerError && r.Context().Err() == nil {
				d.Logger.Error("flags were not told", "path", r.URL.Path, "error", err)
			}
		}
	}
}

// open serves a path to pages of any site. The page that asks is named, since "*" does not do for what comes with cookies; that another site reads the answer, or sets what a visitor may set, does no harm (ADR 122).
func (d *Door) open(mux *http.ServeMux, path string, do func(w http.ResponseWriter, r *http.Request) error) {
	with := func(do http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Add("Vary", "Origin")
			if origin := r.Header.Get("Origin"); origin != "" {
				h.Set("Access-Control-Allow-Origin", origin)
				h.Set("Access-Control-Allow-Credentials", "true")
			}
			do(w, r)
		}
	}
	mux.HandleFunc("GET "+path, with(d.answer(do)))
	mux.HandleFunc("POST "+path, with(d.answer(do)))
	mux.HandleFunc("OPTIONS "+path, with(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		h.Set("Access-Control-Max-Age", "86400")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
			h.Add("Vary", "Access-Control-Request-Headers")
		}
		w.WriteHeader(http.StatusNoContent)
	}))
}

var (
	errNoKey   error = fault.Unauthorized("the request has no key of flags; send one as Authorization: Bearer KEY, X-API-Key: KEY, or ?key=KEY")
	errKey     error = fault.Unauthorized("the key is not known, or was stopped; copy it from the keys of the app's flags")
	errServers error = fault.Forbidden("only a key of a server may say who asks by a body, or check flags; a page asks by GET")
)

// key finds whose key a request brings.
func (d *Door) key(r *http.Request) (flag.Key, error) {
	bearer := ""
	if kind, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "bearer") {
		bearer = strings.TrimSpace(value)
	}
	sent := cmp.Or(bearer, r.Header.Get("X-API-Key"), r.URL.Query().Get("key"))
	if sent == "" {
		return flag.Key{}, errNoKey
	}
	k, ok := d.Flags.Key(sent)
	if !ok {
		return k, errKey
	}
	return k, nil
}

// tooLarge tells whether a body ended at its bound.
func tooLarge(err error) bool {
	var m *http.MaxBytesError
	return errors.As(err, &m)
}
