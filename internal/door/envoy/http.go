package envoy

import (
	"errors"
	"io"
	"net/http"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Mount adds the paths of those who ask by HTTP.
func (d *Door) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /json", d.json)
	mux.HandleFunc("GET /healthcheck", d.healthcheck)
}

// json answers the same question in JSON: 200, or 429 when it is over a limit.
func (d *Door) json(w http.ResponseWriter, r *http.Request) {
	res, err := d.ofBody(w, r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	out, err := protojson.Marshal(res)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	for _, told := range res.GetResponseHeadersToAdd() {
		h.Set(told.GetKey(), told.GetValue())
	}
	if res.GetOverallCode() == pb.RateLimitResponse_OVER_LIMIT {
		w.WriteHeader(http.StatusTooManyRequests)
	}
	_, _ = w.Write(out) //nolint:gosec // JSON, to who may not listen any more
}

func (d *Door) ofBody(w http.ResponseWriter, r *http.Request) (*pb.RateLimitResponse, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, api.TooLarge("a question has 1 MB at most; ask for fewer descriptors at once")
	} else if err != nil {
		return nil, api.Malformed("the body ended too early; send it again")
	}
	req := &pb.RateLimitRequest{}
	if err := protojson.Unmarshal(body, req); err != nil {
		return nil, api.Malformed("the body is not a RateLimitRequest in JSON; send {\"domain\": …, \"descriptors\": [{\"entries\": [{\"key\": …, \"value\": …}]}]}")
	}
	return d.answer(r.Context(), r.Header.Get("Authorization"), req)
}

func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	// A full table is nobody's limit: 429 would be taken for one.
	if code := fault.CodeOf(err); code == fault.CodeLimited || code == fault.CodeInternal && !isProblem(err) {
		d.tell(r.Context(), err)
		err = api.Unavailable(fault.Message(err))
	}
	if fault.Is(err, fault.CodeInvalid) {
		err = api.Malformed(fault.Message(err)) // as the peer has it
	}
	if fault.Is(err, fault.CodeUnauthorized) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="limits"`)
	}
	api.WriteProblem(w, err)
}

func isProblem(err error) bool {
	var p *api.Problem
	return errors.As(err, &p)
}

// healthcheck says OK until the server stops.
func (d *Door) healthcheck(w http.ResponseWriter, _ *http.Request) {
	if d.ending.Load() {
		w.WriteHeader(http.StatusInternalServerError) // the peer's
		return
	}
	_, _ = io.WriteString(w, "OK")
}
