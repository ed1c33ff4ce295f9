package api

import (
	"strconv"
	"strings"
)

// InMatch is the part of an input that says which state of a thing the caller saw.
type InMatch struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what you saw; * for whatever it is now"`
}

// etag is the ETag of a thing that counts its changes.
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// expect gives the revision to change, when the caller saw the present one.
func (in InMatch) expect(present int64) (int64, error) { return present, in.match(etag(present)) }

// match refuses a caller who did not see what has this ETag.
func (in InMatch) match(present string) error {
	switch strings.TrimSpace(in.IfMatch) {
	case "":
		return problem(codeNoMatch, "send the ETag of what you saw as If-Match, so that nobody's change is lost; * takes whatever it is now")
	case "*", present, "W/" + present:
		return nil
	default:
		return problem(codeStale, "it was changed by somebody else meanwhile; look at it again and repeat your change")
	}
}
