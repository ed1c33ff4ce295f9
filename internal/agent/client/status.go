package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Final answers: trying again cannot help.
var (
	ErrRemoved = errors.New(`the server does not know this agent: it was removed; join again with a new token ("slipway agent --join TOKEN")`)
	ErrGone    = errors.New("the server no longer has it")
	ErrTooOld  = errors.New("the server no longer speaks with agents this old; upgrade this agent")
)

// Status is another refusal.
type Status struct {
	Code int
	Text string
}

// Error gives the server's own words.
func (s *Status) Error() string {
	return fmt.Sprintf("the server answered %d: %s", s.Code, s.Text)
}

// failure turns an answer that is no success into an error, and says whether trying again may help.
func failure(response *http.Response) (again bool, err error) {
	status := &Status{Code: response.StatusCode, Text: explain(response)}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized:
		return false, fmt.Errorf("%w (%s)", ErrRemoved, status.Text)
	case code == http.StatusNotFound, code == http.StatusConflict, code == http.StatusGone:
		return false, fmt.Errorf("%w (%w)", ErrGone, status)
	case code == http.StatusUpgradeRequired:
		return false, ErrTooOld
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return true, status
	default:
		return false, status
	}
}

// explain reads the detail of an RFC 9457 answer, or the status line's own words.
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
	return http.StatusText(response.StatusCode)
}
