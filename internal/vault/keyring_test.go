package vault

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestDerivedKeysAreOfOneKeyAndOnePurpose(t *testing.T) {
	derive := func(key, purpose string) string {
		k, err := OpenKeyring(filepath.Join(t.TempDir(), "none"), key)
		if err != nil {
			t.Fatal(err)
		}
		derived, err := k.Derive(purpose)
		if err != nil || len(derived) != 32 {
			t.Fatalf("%d bytes, %v", len(derived), err)
		}
		return string(derived)
	}
	one, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	first := derive(one, "a")
	if first != derive(one, "a") || first == derive(one, "b") || first == derive(other, "a") || derive(other+","+one, "a") != first {
		t.Error("a derived key is not that of the newest key and its purpose")
	}
}
