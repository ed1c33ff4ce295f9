package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Final answers: trying again cannot help.
var (
	ErrRemoved = errors.New(`the server does not know this agent: it was removed; join again with a new token ("slipway agent --join TOKEN")`)
	ErrGone    = errors.New("the server no longer has it")
	ErrTooOld  = errors.New("the server and this agent do not speak the same version of the wire")
)

// Status is another refusal.
type Status struct {
	Code int
	Text string
}

// Error gives the server's own words.
func (s *Status) Error() string {
	if s.Text == "" {
		return fmt.Sprintf("the server answered %d %s", s.Code, http.StatusText(s.Code))
	}
	return fmt.Sprintf("the server answered %d: %s", s.Code, s.Text)
}

// failure turns an answer that is no success into an error, and says whether trying again may help.
func failure(response *http.Response) (again bool, err error) {
	status := &Status{Code: response.StatusCode, Text: explain(response)}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized:
		return false, fmt.Errorf("%w (%w)", ErrRemoved, status)
	case code == http.StatusNotFound, code == http.StatusConflict, code == http.StatusGone:
		return false, fmt.Errorf("%w (%w)", ErrGone, status)
	case code == http.StatusUpgradeRequired:
		return false, fmt.Errorf("%w (%w)", ErrTooOld, status)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return true, status
	default:
		return false, status
	}
}

// explain reads the detail of an RFC 9457 answer, or the line of text that servers before them gave; empty where there is neither.
func explain(response *http.Response) string {
	data, _ := io.ReadAll(io.LimitReader(response.Body, 8<<10)) // a cut answer still has its status
	var problem struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(data, &problem) == nil && problem.Title+problem.Detail != "" {
		if problem.Detail != "" {
			return problem.Detail
		}
		return problem.Title
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") && utf8.ValidString(line) && len(line) <= 500 {
		return line
	}
	return ""
}
