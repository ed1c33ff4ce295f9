package ingest

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Limits of one call.
const (
	maxBody    = 32 << 20 // bytes
	maxSeconds = 3600
)

// Seconds takes edges' seconds.
type Seconds struct {
	Journal *journal.Journal
	// Agent tells which agent asks and what roles it plays.
	Agent  func(*http.Request) (id string, roles []string, err error)
	Logger *slog.Logger
}

// Mount adds the door's path.
func (s Seconds) Mount(mux *http.ServeMux) { mux.Handle("POST /edge/v1/seconds", s) }

// ServeHTTP answers 204 once all seconds are on disk.
func (s Seconds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, roles, err := s.Agent(r)
	if err == nil && !slices.Contains(roles, wire.RoleEdge) {
		err = fault.Forbidden("only edges send seconds")
	}
	var batch [][]byte
	if err == nil {
		batch, err = read(http.MaxBytesReader(w, r.Body, maxBody), id)
	}
	if err == nil && len(batch) > 0 {
		err = s.Journal.Append(r.Context(), "edge", batch...)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// read checks that what came are this edge's own seconds, so that none can speak for another.
func read(body io.Reader, edge string) ([][]byte, error) {
	var list []json.RawMessage
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, fault.Invalid("the body is not a list of seconds").Because(err)
	}
	if len(list) > maxSeconds {
		return nil, fault.Invalid("at most %d seconds at once", maxSeconds)
	}
	batch := make([][]byte, 0, len(list))
	for i, raw := range list {
		var sec event.EdgeSecond
		if err := json.Unmarshal(raw, &sec); err != nil {
			return nil, fault.Invalid("second %d of the list cannot be read", i+1).Because(err)
		}
		if sec.Edge != edge || sec.Boot == "" || sec.Number <= 0 {
			return nil, fault.Invalid("second %d of the list is not this edge's, or has no number", i+1)
		}
		batch = append(batch, raw)
	}
	return batch, nil
}

func (s Seconds) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the edge hung up, and will send them again
	}
	if fault.Is(err, fault.CodeInvalid) {
		err = api.Malformed(fault.Message(err))
	}
	if api.WriteProblem(w, err) >= http.StatusInternalServerError {
		s.Logger.Error("an edge's seconds are not kept; it will send them again", "error", err)
	}
}
