package testreport_test

import (
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/pure/testreport"
)

func TestMatchesGlob(t *testing.T) {
	for _, tt := range []struct {
		glob, name string
		want       bool
	}{
		{"out.xml", "out.xml", true},
		{"out.xml", "a/out.xml", false},
		{"**/TEST-*.xml", "TEST-a.xml", true},
		{"**/TEST-*.xml", "a/b/TEST-a.xml", true},
		{"a/**/b/*.xml", "a/b/x/b/y.xml", true},
		{"a/**/b/*.xml", "a/b/x/y.xml", false},
		{"a/**", "a/b/c", true},
		{"", "a", false},
		{"a[", "a[", false},
		{"./a/*.xml", "a/x.xml", true},
		{strings.Repeat("**/a/", 50) + "b", strings.Repeat("a/", 500) + "c", false},
	} {
		if got := testreport.MatchesGlob(tt.glob, tt.name); got != tt.want {
			t.Errorf("%.30q matches %.30q: %v", tt.glob, tt.name, got)
		}
	}
}
