package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipwayhq/slipway/internal/fault"
)

// problemBase begins the type of each problem; the code follows.
const problemBase = "https://slipway.dev/problems/"

// Problem is the answer to everything that went wrong: RFC 9457.
type Problem struct {
	Type   string       `json:"type" format:"uri" doc:"Stable name of the kind of problem" example:"https://slipway.dev/problems/not_found"`
	Title  string       `json:"title" doc:"The kind of problem in words" example:"Not found"`
	Status int          `json:"status" doc:"HTTP status" example:"404"`
	Detail string       `json:"detail" doc:"What happened this time, and what to do" example:"there is no app named \"shopp\""`
	Errors []FieldError `json:"errors,omitempty" doc:"The inputs at fault, where they are known"`
}

// FieldError is one input at fault. What was sent is never repeated: it may have been a secret.
type FieldError struct {
	Field   string `json:"field" doc:"Path of the input" example:"body.steps[0].share"`
	Message string `json:"message" doc:"What is wrong with it"`
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// kind is what a problem's code means in HTTP and in words.
type kind struct {
	status int
	title  string
}

// kinds is the one place where codes become HTTP.
func kinds(code string) kind {
	switch fault.Code(code) {
	case fault.CodeInvalid:
		return kind{http.StatusUnprocessableEntity, "Invalid input"}
	case fault.CodeUnauthorized:
		return kind{http.StatusUnauthorized, "Not signed in"}
	case fault.CodeForbidden:
		return kind{http.StatusForbidden, "Not allowed"}
	case fault.CodeNotFound:
		return kind{http.StatusNotFound, "Not found"}
	case fault.CodeConflict:
		return kind{http.StatusConflict, "Conflict"}
	case fault.CodeLimited:
		return kind{http.StatusTooManyRequests, "Too many requests"}
	}
	switch code {
	case codeStale:
		return kind{http.StatusPreconditionFailed, "Changed meanwhile"}
	case codeNoMatch:
		return kind{http.StatusPreconditionRequired, "If-Match is missing"}
	case codeMethod:
		return kind{http.StatusMethodNotAllowed, "Method not allowed"}
	case codeTooLarge:
		return kind{http.StatusRequestEntityTooLarge, "Too large"}
	case codeMalformed:
		return kind{http.StatusBadRequest, "Malformed request"}
	case codeMediaType:
		return kind{http.StatusUnsupportedMediaType, "Unsupported content type"}
	case codeUpgrade:
		return kind{http.StatusUpgradeRequired, "Upgrade required"}
	case codeUnavailable:
		return kind{http.StatusServiceUnavailable, "Unavailable"}
	default:
		return kind{http.StatusInternalServerError, "Internal error"}
	}
}

// Codes of problems that only HTTP knows.
const (
	codeStale     = "stale"
	codeNoMatch   = "precondition_required"
	codeMethod    = "method_not_allowed"
	codeTooLarge  = "too_large"
	codeMalformed = "malformed"
	codeMediaType = "unsupported_media_type"
	codeUpgrade   = "upgrade_required"
	// Nothing is wrong with the request, and it may be made again later.
	codeUnavailable = "unavailable"
)

func problem(code, detail string) *Problem {
	k := kinds(code)
	return &Problem{Type: problemBase + code, Title: k.title, Status: k.status, Detail: detail}
}

// Malformed is a request that cannot be read.
func Malformed(detail string) *Problem { return problem(codeMalformed, detail) }

// TooLarge is a request that holds more than is taken.
func TooLarge(detail string) *Problem { return problem(codeTooLarge, detail) }

// UpgradeRequired is a caller whose version is not spoken here.
func UpgradeRequired(detail string) *Problem { return problem(codeUpgrade, detail) }

// Unavailable is a request that cannot be answered now, and can later.
func Unavailable(detail string) *Problem { return problem(codeUnavailable, detail) }

// WriteProblem answers an error as a problem, for the doors of machines, which log by themselves: it gives the status.
func WriteProblem(w http.ResponseWriter, err error) (status int) {
	p := problemOf(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // who does not listen any more needs no answer
	return p.Status
}

// Status is the status of an error, and what may be said of it, for doors whose clients do not read problems.
func Status(err error) (status int, text string) {
	p := problemOf(err)
	return p.Status, p.Detail
}

// problemOf makes the answer to an error. Only what fault says is safe is shown.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	p = problem(string(fault.CodeOf(err)), fault.Message(err))
	var f *fault.Error
	if errors.As(err, &f) && f.Field != "" {
		p.Errors = []FieldError{{Field: f.Field, Message: f.Message}}
	}
	return p
}

// fromHuma turns what the framework says into our problem, without the values it would repeat. It is one of huma's transformers.
func fromHuma(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := string(fault.CodeInternal)
	switch m.Status {
	case http.StatusBadRequest:
		code = codeMalformed
	case http.StatusUnprocessableEntity:
		code = string(fault.CodeInvalid)
	case http.StatusRequestEntityTooLarge:
		code = codeTooLarge
	case http.StatusUnsupportedMediaType:
		code = codeMediaType
	}
	p := problem(code, m.Detail)
	p.Status = m.Status
	for _, d := range m.Errors {
		if d != nil {
			p.Errors = append(p.Errors, FieldError{Field: d.Location, Message: d.Message})
		}
	}
	return p, nil
}

// writeProblem answers outside of huma.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	s.logInternal(r.Context(), p, err)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="slipway"`)
	}
	WriteProblem(w, p)
}

// logInternal tells the operator what the caller is not told.
func (s *Server) logInternal(ctx context.Context, p *Problem, err error) {
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		s.log.Error("request failed", "request", requestOf(ctx).id, "error", err)
	}
}
