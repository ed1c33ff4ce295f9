package api

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/pages"
	"github.com/slipwayhq/slipway/internal/fault"
)

// maxBody is how large the body of an API call may be, in bytes. Git and agents have limits of their own.
const maxBody = 1 << 20

// Large lets the body of an operation be larger, for whoever is signed in. Call it before the operation is registered.
func (s *Server) Large(route string, bytes int64) { s.large[route] = bytes }

// most is how large the body of a request may be. Of a stranger none that may be large is read at all.
func (s *Server) most(r *http.Request, id access.Identity) (int64, error) {
	_, pattern := s.mux.Handler(r)
	large := s.large[pattern]
	if large > 0 && id.Person.ID == "" {
		return 0, id.Require(access.View, "")
	}
	return max(maxBody, large), nil
}

// dispatch finds who answers.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.clients.Handler(r); pattern != "" {
		requestOf(r.Context()).client = true
		keepNoCookies(r)
		s.clients.ServeHTTP(w, r)
		return
	}
	h, pattern := s.mux.Handler(r)
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/"):
		pages.Headers(w, "default-src 'none'; frame-ancestors 'none'")
		if pattern == "" {
			s.noRoute(w, r, h)
			return
		}
		s.serveAPI(w, r)
	case pattern != "":
		s.mux.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead, reserved(r.URL.Path):
		s.noRoute(w, r, h)
	default:
		s.serveUI(w, r)
	}
}

// serveUI answers with the UI.
func (s *Server) serveUI(w http.ResponseWriter, r *http.Request) {
	if err := pages.UI(w, r, s.opts.UI); err != nil {
		s.writeProblem(w, r, err)
	}
}

// keepNoCookies takes the cookies out of a request by a client that brings a key of its own, but for those of django-waffle: they have a flag's answer in them, and open nothing (ADR 122).
func keepNoCookies(r *http.Request) {
	var waffles []*http.Cookie
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, "dwf_") || strings.HasPrefix(c.Name, "dwft_") {
			waffles = append(waffles, c)
		}
	}
	r.Header.Del("Cookie")
	for _, c := range waffles {
		r.AddCookie(c)
	}
}

// reserved tells paths that belong to machines: the UI's page would not help them. Under /static/ PostHog's client looks for parts of itself.
func reserved(path string) bool {
	for _, prefix := range []string{"/git/", "/agent/", "/edge/", "/v1", "/static/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// noRoute puts the router's own 404 and 405 into the form of all others. h is the router's handler for them; it knows which methods would do.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, h http.Handler) {
	said := asked(h, r)
	if theirs, _ := s.clients.Handler(r); theirs != nil { // clients with keys of their own may come here by other methods
		said.also(asked(theirs, r))
	}
	switch said.status {
	case http.StatusMethodNotAllowed:
		allow := said.header.Get("Allow")
		w.Header().Set("Allow", allow)
		s.writeProblem(w, r, problem(codeMethod, r.Method+" is not possible here; possible: "+allow))
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		http.Redirect(w, r, said.header.Get("Location"), said.status)
	default:
		s.writeProblem(w, r, fault.NotFound("there is nothing at this path; /docs lists what there is"))
	}
}

// asked is what a router says of a request that it has nobody for.
func asked(h http.Handler, r *http.Request) *discard {
	said := &discard{header: http.Header{}}
	h.ServeHTTP(said, r)
	return said
}

// discard is a ResponseWriter that keeps status and header only.
type discard struct {
	header http.Header
	status int
}

// also adds what another router would let pass here.
func (d *discard) also(other *discard) {
	if other.status != http.StatusMethodNotAllowed {
		return
	}
	allow := other.header.Get("Allow")
	if d.status == http.StatusMethodNotAllowed {
		allow = d.header.Get("Allow") + ", " + allow
	}
	d.status = other.status
	d.header.Set("Allow", allow)
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// serveAPI is what every call under /v1 goes through.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := s.guard.Check(r); err != nil {
		s.writeProblem(w, r, fault.Forbidden("the browser sent this on behalf of another site").Because(err))
		return
	}
	id, err := s.opts.Access.Authenticate(r.Context(), r)
	if err != nil {
		if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer wk_") {
			err = fault.Unauthorized("this is the write key of a source, which reads nothing: with it, POST sends events to /v1/events").Because(err)
		}
		s.writeProblem(w, r, err)
		return
	}
	requestOf(r.Context()).identity = id
	most, err := s.most(r, id)
	if err != nil {
		s.writeProblem(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if key := r.Header.Get("Idempotency-Key"); key != "" && r.Method == http.MethodPost && id.Person.ID != "" {
		s.serveOnce(w, r, key)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// recoverPanics keeps one request's bug from ending the server, and says so in the log.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.log.Error("panic in a request", "request", requestOf(r.Context()).id, "panic", v, "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: cut it off, so that it is not taken for whole
			}
			s.writeProblem(w, r, errPanic)
		}()
		next.ServeHTTP(w, r)
	})
}

var errPanic = errors.New("panic")

// withRequest puts what the layers share into the context.
func withRequest(r *http.Request, id string) *http.Request {
	info := &request{id: id}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
	info.http = r
	return r
}
