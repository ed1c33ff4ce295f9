package agents

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/blob"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Work is the door for workers: leases, their logs and results, and blobs (which hosts fetch too). It speaks package wire.
type Work struct {
	Build *build.Service
	Blobs *blob.Store
	// Agent says who asks, by the credential in the request, and what roles it has.
	Agent  func(*http.Request) (agent string, roles []string, err error)
	Logger *slog.Logger
}

// Limits of what workers send, in bytes.
const (
	maxSmallBody = 64 << 10
	maxLogBody   = 1 << 20
	maxDoneBody  = 64 << 20
)

// Mount adds the worker's routes to a mux.
func (h Work) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /agent/v1/work/lease", h.as(h.lease, wire.RoleWork))
	mux.HandleFunc("POST /agent/v1/work/leases/{id}/beat", h.as(h.beat, wire.RoleWork))
	mux.HandleFunc("POST /agent/v1/work/leases/{id}/log", h.as(h.appendLog, wire.RoleWork))
	mux.HandleFunc("POST /agent/v1/work/leases/{id}/done", h.as(h.done, wire.RoleWork))
	mux.HandleFunc("GET /agent/v1/blobs/{sha}", h.as(h.getBlob, wire.RoleWork, wire.RoleHost))
	mux.HandleFunc("PUT /agent/v1/blobs/{sha}", h.as(h.putBlob, wire.RoleWork))
}

// as lets agents in that have one of the roles, and answers errors.
func (h Work) as(fn func(w http.ResponseWriter, r *http.Request, agent string) error, roles ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		agent, has, err := h.Agent(r)
		if err == nil && !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(has, role) }) {
			err = fault.Forbidden("This agent has not the role for that. It needs %q; join it again with it.", roles[0])
		}
		if err == nil {
			err = fn(w, r, agent)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	}
}

func (h Work) fail(w http.ResponseWriter, r *http.Request, err error) {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		err = api.TooLarge("The request holds more than " + strconv.FormatInt(long.Limit, 10) + " bytes.")
	}
	if api.WriteProblem(w, err) >= http.StatusInternalServerError && r.Context().Err() == nil && h.Logger != nil {
		h.Logger.Error("request of an agent failed", "path", r.URL.Path, "error", err)
	}
}

// readAtMost decodes a body of at most limit bytes.
func readAtMost(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(into)
	var long *http.MaxBytesError
	if err == nil || errors.As(err, &long) {
		return err
	}
	return api.Malformed("The body is not the JSON that is expected here.")
}

func (h Work) lease(w http.ResponseWriter, r *http.Request, agent string) error {
	var req wire.LeaseRequest
	if err := readAtMost(w, r, maxSmallBody, &req); err != nil {
		return err
	}
	l, err := h.Build.Lease(r.Context(), agent, req)
	if err != nil {
		return err
	}
	if l == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if answer(w, l) != nil {
		// The worker is gone: others need not wait until its silence is noticed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
		defer cancel()
		return h.Build.Undo(ctx, agent, l.ID)
	}
	return nil
}

func (h Work) beat(w http.ResponseWriter, r *http.Request, agent string) error {
	var beat wire.LeaseBeat
	if err := readAtMost(w, r, maxSmallBody, &beat); err != nil {
		return err
	}
	order, err := h.Build.Beat(r.Context(), agent, r.PathValue("id"), beat)
	if err != nil {
		return err
	}
	return answer(w, order)
}

func (h Work) appendLog(w http.ResponseWriter, r *http.Request, agent string) error {
	offset, err := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	if err != nil {
		return fault.Invalid("offset must be a number of bytes.").At("offset")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLogBody))
	if err != nil {
		return brokenBody(err)
	}
	if err := h.Build.Log(r.Context(), agent, r.PathValue("id"), offset, data); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// brokenBody tells a body that is too long from one that did not come whole.
func brokenBody(err error) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return err
	}
	return api.Malformed("The body did not come whole. Send it again.")
}

func (h Work) done(w http.ResponseWriter, r *http.Request, agent string) error {
	var result wire.LeaseResult
	if err := readAtMost(w, r, maxDoneBody, &result); err != nil {
		return err
	}
	if err := h.Build.Done(r.Context(), agent, r.PathValue("id"), result); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h Work) getBlob(w http.ResponseWriter, r *http.Request, _ string) error {
	sha := r.PathValue("sha")
	content, _, err := h.Blobs.Open(sha)
	if err != nil {
		return err
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+sha+`"`)
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

func (h Work) putBlob(w http.ResponseWriter, r *http.Request, _ string) error {
	body := &incoming{r: r.Body}
	_, err := h.Blobs.PutAs(r.PathValue("sha"), body)
	switch {
	case body.err != nil:
		return api.Malformed("The bytes did not come whole. Send them again.")
	case fault.Is(err, fault.CodeInvalid):
		return api.Malformed(fault.Message(err))
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// incoming keeps the reader's error apart from the store's.
type incoming struct {
	r   io.Reader
	err error
}

func (in *incoming) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		in.err = err
	}
	return n, err
}
