package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/vault"
)

// maxKey is how long an Idempotency-Key may be, in bytes.
const maxKey = 200

// kept is an answer as it is stored, sealed: it may hold a token.
type kept struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// serveOnce carries a POST out once, however often it is sent under one key, and gives all of them the answer of the first.
func (s *Server) serveOnce(w http.ResponseWriter, r *http.Request, key string) {
	if len(key) > maxKey {
		s.writeProblem(w, r, fault.Invalid("an Idempotency-Key has at most %d bytes", maxKey))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.writeProblem(w, r, problem(codeTooLarge, "the body could not be read whole, or is larger than this takes"))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	person := requestOf(r.Context()).identity.Person.ID
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", r.Method, r.URL.RequestURI(), body))
	before, err := s.opts.Access.Claim(r.Context(), person, key, hex.EncodeToString(sum[:]))
	if err != nil {
		s.writeProblem(w, r, err)
		return
	}
	if before != "" {
		s.replay(w, r, before, person, key)
		return
	}
	s.perform(w, r, person, key)
}

// perform carries the request out and keeps its answer. The caller may be gone by then: the answer is kept for when they ask again.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, person, key string) {
	buffered := &buffer{header: http.Header{}, status: http.StatusOK}
	done := false
	ctx := context.WithoutCancel(r.Context())
	defer func() {
		if done {
			return
		}
		if err := s.opts.Access.Unclaim(ctx, person, key); err != nil {
			s.log.Error("claimed request not given back", "error", err)
		}
	}()
	s.mux.ServeHTTP(buffered, r)
	if buffered.status < http.StatusInternalServerError && buffered.status != http.StatusTooManyRequests {
		text, err := json.Marshal(kept{buffered.status, buffered.header, buffered.body.Bytes()})
		if err == nil {
			err = s.opts.Access.Answer(ctx, person, key, s.opts.Keys.Seal(vault.Secret(text), "answer", person, key))
		}
		if err != nil {
			s.log.Error("answer not kept for its Idempotency-Key", "error", err)
		}
		done = err == nil
	}
	send(w, kept{buffered.status, buffered.header, buffered.body.Bytes()})
}

func (s *Server) replay(w http.ResponseWriter, r *http.Request, sealed, person, key string) {
	text, err := s.opts.Keys.Open(sealed, "answer", person, key)
	var k kept
	if err == nil {
		err = json.Unmarshal([]byte(text.Reveal()), &k)
	}
	if err != nil {
		s.writeProblem(w, r, fmt.Errorf("read the answer kept for an Idempotency-Key: %w", err))
		return
	}
	w.Header().Set("Idempotency-Replayed", "true")
	send(w, k)
}

func send(w http.ResponseWriter, k kept) {
	for name, values := range k.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(k.Status)
	_, _ = w.Write(k.Body) // who does not listen any more can ask again
}

// buffer holds an answer back until it is kept.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }
