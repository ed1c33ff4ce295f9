package demo

import (
	"fmt"
	"strings"
)

// Summary is what the story came to.
type Summary struct {
	Type string `json:"type"` // "summary"
	Good Good   `json:"good"`
	Bad  Bad    `json:"bad"`
	// Requests are all that visitors sent; Lost those that got no whole answer.
	Requests int64 `json:"requests"`
	Lost     int64 `json:"lost_requests"`
	OK       bool  `json:"ok"`
}

// Good is what became of the good commit. Requests were answered by its release until it was promoted.
type Good struct {
	Verdict  string `json:"verdict"`
	Outcome  string `json:"outcome"`
	Requests int64  `json:"requests"`
}

// Bad is what became of the bad commit.
type Bad struct {
	Verdict string `json:"verdict"`
	Outcome string `json:"outcome"`
	// Vital is the one that gave it away.
	Vital string `json:"vital"`
	// Seconds from the first visitors on the release to the verdict.
	Seconds float64 `json:"seconds_to_detect"`
	// Requests that failed on the release, as visitors saw them.
	Requests int64 `json:"bad_requests"`
}

// judge says whether the story ended as it should.
func (s *Summary) judge() {
	s.Type = "summary"
	s.OK = s.Good.Verdict == "healthy" && s.Good.Outcome == "promoted" &&
		s.Bad.Verdict == "regressed" && s.Bad.Outcome == "rolled_back" && s.Lost == 0 && s.Requests > 0
}

// Words is the summary for people.
func (s Summary) Words() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe good commit: %s, %s, after %d requests on its release.\n", s.Good.Verdict, spaced(s.Good.Outcome), s.Good.Requests)
	fmt.Fprintf(&b, "The bad commit:  %s by its %s after %.1f s, %s; %d requests had failed on its release.\n", s.Bad.Verdict, s.Bad.Vital, s.Bad.Seconds, spaced(s.Bad.Outcome), s.Bad.Requests)
	fmt.Fprintf(&b, "Visitors sent %d requests; %d got no answer.", s.Requests, s.Lost)
	return b.String()
}

func spaced(word string) string { return strings.ReplaceAll(word, "_", " ") }
