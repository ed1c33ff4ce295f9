package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Part is something the server cannot work without.
type Part struct {
	Name string
	// Check tells what is wrong, nil when nothing is. It is given two seconds.
	Check func(context.Context) error
}

type partState struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
}

func (s *Server) mountHealth() {
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	s.mux.HandleFunc("GET /readyz", s.ready)
	s.mux.Handle("GET /metrics", s.metrics.Handler())
}

// ready answers 200 when every part works, 503 otherwise. Why a part does not is for the log: anybody may ask here.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	parts := []Part{{Name: "store", Check: s.checkStore}}
	if s.opts.Journal != nil {
		parts = append(parts, Part{Name: "log", Check: s.checkLog})
	}
	answer := struct {
		Ready bool        `json:"ready"`
		Parts []partState `json:"parts"`
	}{Ready: true}
	for _, p := range append(parts, s.opts.Parts...) {
		err := p.Check(ctx)
		if err != nil {
			s.log.Warn("not ready", "part", p.Name, "error", err)
			answer.Ready = false
		}
		answer.Parts = append(answer.Parts, partState{p.Name, err == nil})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Server) checkStore(ctx context.Context) error {
	var one int
	return s.opts.DB.QueryRow(ctx, `SELECT 1`).Scan(&one)
}

func (s *Server) checkLog(ctx context.Context) error {
	_, err := s.opts.Journal.LastPosition(ctx)
	return err
}
