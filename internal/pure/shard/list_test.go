package shard_test

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/shard"
)

func TestReadList(t *testing.T) {
	units, duplicates, err := shard.ReadList(strings.NewReader("example.org/a\n\n  example.org/b \r\nexample.org/a\nTest ü 1"))
	if err != nil || duplicates != 1 {
		t.Fatalf("%d duplicates, %v", duplicates, err)
	}
	if diff := cmp.Diff([]string{"example.org/a", "example.org/b", "Test ü 1"}, units); diff != "" {
		t.Error(diff)
	}
}

func TestReadListRefuses(t *testing.T) {
	var many strings.Builder
	for i := range shard.MaxListed + 1 {
		fmt.Fprintf(&many, "unit%d\n", i)
	}
	for name, tt := range map[string]struct{ list, want string }{
		"nothing":       {"\n \n", "the list is empty"},
		"too many":      {many.String(), "more than 100000 units"},
		"long name":     {"a\n" + strings.Repeat("x", 1001), "line 2 of the list has 1001 bytes"},
		"one long line": {"a\n" + strings.Repeat("x", 1<<20), "line 2 of the list is longer than 64 KiB"},
		"binary":        {"a\nb\x00c\n", "line 2 of the list is not plain text"},
		"no UTF-8":      {"\xff\n", "line 1 of the list is not plain text"},
		"escapes":       {"\x1b[31ma", "line 1 of the list is not plain text"},
	} {
		t.Run(name, func(t *testing.T) {
			units, _, err := shard.ReadList(strings.NewReader(tt.list))
			if units != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d units, %v", len(units), err)
			}
		})
	}
	cause := errors.New("the pipe broke")
	if _, _, err := shard.ReadList(iotest.ErrReader(cause)); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

// A real shell must see each unit as one word, and run none of it.
func TestCommandInAShell(t *testing.T) {
	units := []string{"example.org/a", "two words", "it's", "$(touch x)", "`id`", "a;b&c|d", "*", "ü", `back\slash`, `"`}
	command := shard.Command(`printf '%s\n' {units}`, units)
	output, err := exec.Command("sh", "-c", command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if diff := cmp.Diff(strings.Join(units, "\n")+"\n", string(output)); diff != "" {
		t.Error(diff)
	}
}
