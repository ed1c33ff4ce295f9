package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/fault"
)

func keyring(t *testing.T, path, given string) *Keyring {
	t.Helper()
	k, err := OpenKeyring(path, given)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	s := Secret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "in", map[string]Secret{"K": s})
	encoded, err := json.Marshal(map[string]any{"a": s, "b": []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %s %q %x %d %#v %+v %v %v", s, s, s, s, s, s, s, []Secret{s}, struct{ S Secret }{s}) + log.String() + string(encoded)
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), "104 117"} {
		if strings.Contains(printed, form) {
			t.Errorf("printed as %s in %s", form, printed)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("revealed as something else")
	}
	var back struct{ S Secret }
	if err := json.Unmarshal([]byte(`{"S":"hunter2"}`), &back); err != nil || back.S != s {
		t.Errorf("decoded as something else, %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "key")
	first := keyring(t, path, "")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	sealed := first.Seal("hunter2", "shop", "production", "KEY")
	if strings.Contains(sealed, "hunter2") {
		t.Fatal("not sealed")
	}
	if got, err := keyring(t, path, "").Open(sealed, "shop", "production", "KEY"); err != nil || got != "hunter2" {
		t.Errorf("opened after a restart as %q, %v", got.Reveal(), err)
	}
	// A new key is added at the end: it seals, and the old one still opens.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const next = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	if err := os.WriteFile(path, append(text, next+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	both := keyring(t, path, "")
	if got, err := both.Open(sealed, "shop", "production", "KEY"); err != nil || got != "hunter2" {
		t.Errorf("opened with the old key as %q, %v", got.Reveal(), err)
	}
	id, _, _ := strings.Cut(both.Seal("x"), ".")
	if old, _, _ := strings.Cut(sealed, "."); id == old {
		t.Error("sealed with the old key")
	}
	if _, err := keyring(t, filepath.Join(t.TempDir(), "none"), next).Open(sealed, "shop", "production", "KEY"); err == nil || !strings.Contains(err.Error(), "restore that key") {
		t.Errorf("a lost key: %v", err)
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const good = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	for path, want := range map[string]string{
		write("open", good, 0o644):                   "chmod 600",
		write("group", good, 0o640):                  "chmod 600",
		write("short", "c2hvcnQ=\n", 0o600):          "openssl rand",
		write("typo", good+"AAAA!AAAAAAAA\n", 0o600): "line 2",
		write("empty", "\n\n", 0o600):                "holds no key",
		dir:                                          "chmod 600",
	} {
		_, err := OpenKeyring(path, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		if err != nil && strings.Contains(err.Error(), "AAAA!") {
			t.Errorf("a key is shown: %v", err)
		}
	}
	inHex := keyring(t, filepath.Join(dir, "none"), strings.Repeat("00", keySize))
	if got, err := keyring(t, filepath.Join(dir, "none"), good).Open(inHex.Seal("x")); err != nil || got != "x" {
		t.Errorf("one key in hex and in base64 is not the same: %v", err)
	}
	if _, err := OpenKeyring(filepath.Join(dir, "none"), "not a key"); err == nil || strings.Contains(err.Error(), "not a key") {
		t.Errorf("given: %v", err)
	}
}

func TestSealedValuesBelongToTheirPlace(t *testing.T) {
	k := keyring(t, filepath.Join(t.TempDir(), "key"), "")
	sealed := k.Seal("hunter2", "ab", "c")
	if k.Seal("hunter2", "ab", "c") == sealed {
		t.Error("sealing twice gives the same: equal secrets can be told")
	}
	for _, context := range [][]string{{"a", "bc"}, {"ab"}, {"ab", "c", ""}, {"ab", "d"}, nil} {
		if _, err := k.Open(sealed, context...); err == nil {
			t.Errorf("opened as %v", context)
		}
	}
	last := sealed[len(sealed)-1]
	other := byte('A')
	if last == other {
		other = 'Q'
	}
	for _, changed := range []string{sealed[:len(sealed)-1] + string(other), sealed[:20], "", ".", "x.y", sealed + "!"} {
		if _, err := k.Open(changed, "ab", "c"); err == nil {
			t.Errorf("opened %q", changed)
		}
	}
}

func TestNamesAndValues(t *testing.T) {
	for _, name := range []string{"A", "_", "DATABASE_URL", "X2"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{"PORT": "given by Slipway", "SLIPWAY_URL": "given by Slipway", "a": "A-Z", "2X": "A-Z", "": "A-Z", "A=B": "A-Z", "A\n": "A-Z", "Ä": "A-Z"} {
		if err := CheckName(name); !fault.Is(err, fault.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, c := range []Change{
		{Settings: map[string]string{"A": "x\x00"}},
		{Settings: map[string]string{"A": "\xff"}},
		{Secrets: map[string]Secret{"A": Secret(strings.Repeat("x", MaxValue+1))}},
		{Settings: map[string]string{"A": "x"}, Secrets: map[string]Secret{"A": "x"}},
		{Settings: map[string]string{"A": "x"}, Remove: []string{"A"}},
		{Remove: []string{"A", "A"}},
	} {
		if err := c.Check(); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%v: %v", c.Remove, err)
		}
	}
}

func TestVersionsAreWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		v := New(keyring(t, filepath.Join(t.TempDir(), "key"), ""))
		tx := func(fn func(ctx context.Context, tx *db.Tx) error) error {
			return d.Tx(ctx, func(tx *db.Tx) error { return fn(ctx, tx) })
		}
		environ := func(version int) []string {
			e, err := v.Environ(ctx, d, "shop", "production", version)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		if got := environ(0); len(got) != 0 {
			t.Errorf("version 0 is %v", got)
		}
		err := tx(func(ctx context.Context, tx *db.Tx) error {
			return v.Put(ctx, tx, "shop", "production", 1, map[string]string{"COLOR": "red", "MODE": "fast"}, map[string]Secret{"KEY": "hunter2"})
		})
		if err != nil {
			t.Fatal(err)
		}
		amend := func(from, to int, c Change) error {
			return tx(func(ctx context.Context, tx *db.Tx) error { return v.Amend(ctx, tx, "shop", "production", from, to, c) })
		}
		// A setting becomes a secret, one goes, one comes.
		if err := amend(1, 2, Change{Secrets: map[string]Secret{"MODE": "secret"}, Remove: []string{"COLOR"}, Settings: map[string]string{"SIZE": "9"}}); err != nil {
			t.Fatal(err)
		}
		if got := environ(1); !slices.Equal(got, []string{"COLOR=red", "KEY=hunter2", "MODE=fast"}) {
			t.Errorf("version 1 is %v by now", got)
		}
		if got := environ(2); !slices.Equal(got, []string{"KEY=hunter2", "MODE=secret", "SIZE=9"}) {
			t.Errorf("version 2 is %v", got)
		}
		if err := amend(2, 3, Change{Remove: []string{"NOTHING"}}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("removing what is not there: %v", err)
		}
		if err := amend(2, 2, Change{Settings: map[string]string{"SIZE": "10"}}); err == nil {
			t.Error("a version was written twice")
		}
		many := map[string]string{}
		for i := range MaxNames {
			many[fmt.Sprintf("N%d", i)] = "x"
		}
		if err := amend(2, 3, Change{Settings: many}); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("too many: %v", err)
		}
		c, err := Read(ctx, d, "shop", "production", 2)
		if err != nil || len(c.Settings) != 1 || len(c.Secrets) != 2 || c.Secrets[0].Name != "KEY" || c.Secrets[0].Version != 1 || c.Secrets[1].Version != 2 {
			t.Errorf("shown %+v %v", c, err)
		}
		var plain int
		if err := d.QueryRow(ctx, `SELECT COUNT(*) FROM vault_values WHERE value LIKE '%hunter2%'`).Scan(&plain); err != nil || plain != 0 {
			t.Errorf("%d secrets are stored as they are, %v", plain, err)
		}
		// A row that is copied to another name does not open there.
		err = tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE vault_values SET name = 'STOLEN' WHERE name = 'KEY' AND version = 2`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Environ(ctx, d, "shop", "production", 2); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a moved secret: %v", err)
		}
	})
}
