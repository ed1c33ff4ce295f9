package shadow

import (
	"strings"
	"testing"
)

// Logs without a readable line are most often the wrong files.
func TestNoRequestsSaysWhereToLook(t *testing.T) {
	if _, err := Judge(&Traffic{}, nil, Options{}); err == nil || !strings.Contains(err.Error(), "are these the right files") {
		t.Errorf("it says %v", err)
	}
}
