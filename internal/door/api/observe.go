package api

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// requestIDRule is what is taken over from a proxy in front as the id of a request.
var requestIDRule = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// observe gives each request an id, and logs and measures it.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get("X-Request-Id")
		if !requestIDRule.MatchString(id) {
			id = event.NewKey("req", began)
		}
		r = withRequest(r, id)
		w.Header().Set("X-Request-Id", id)
		rec := &recorder{ResponseWriter: w}
		route := s.route(r)
		end := s.metrics.Begin()
		defer func() {
			end()
			took := time.Since(began)
			s.metrics.Observe(route, r.Method, rec.code(), took)
			s.logRequest(r, rec, route, took)
		}()
		next.ServeHTTP(rec, r)
	})
}

// route is the pattern that a request matches, without its method: the label of metrics, of which there must not be one for each path.
func (s *Server) route(r *http.Request) string {
	_, pattern := s.clients.Handler(r)
	if pattern == "" {
		_, pattern = s.mux.Handler(r)
	}
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	switch {
	case pattern != "":
		return pattern
	case reserved(r.URL.Path):
		return "none"
	default:
		return "ui"
	}
}

// logRequest writes no query: it may hold a login code. What machines ask all the time is told on demand only.
func (s *Server) logRequest(r *http.Request, rec *recorder, route string, took time.Duration) {
	level := slog.LevelInfo
	if route == targetsPath && rec.code() == http.StatusOK || strings.HasPrefix(route, "/agent/") || strings.HasPrefix(route, "/edge/") || route == "/livez" || route == "/readyz" || route == "/metrics" || route == "ui" {
		level = slog.LevelDebug
	}
	info := requestOf(r.Context())
	if info.client && rec.code() < http.StatusInternalServerError {
		level = slog.LevelDebug
	}
	who := ""
	if info.identity.Person.Name != "" {
		who = info.identity.Actor()
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request",
		slog.String("request", info.id), slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("route", route),
		slog.Int("status", rec.code()), slog.Int64("bytes", rec.bytes), slog.Duration("took", took),
		slog.String("actor", who), slog.String("addr", r.RemoteAddr))
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
