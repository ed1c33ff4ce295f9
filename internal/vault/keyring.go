package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// keySize is that of AES-256, in bytes.
const keySize = 32

// Keyring holds the keys by id. The newest one seals, all open.
type Keyring struct {
	path   string
	newest string
	keys   map[string]cipher.AEAD
	root   []byte // of the newest
}

// OpenKeyring reads the keys of the file, one a line in base64 or hex, the newest last; it makes the file with one key when it is missing. given (SLIPWAY_SECRET_KEY: keys
// separated by commas, the newest last) comes after those of the file, and no file is made when it is there.
func OpenKeyring(path, given string) (*Keyring, error) {
	k := &Keyring{path: path, keys: map[string]cipher.AEAD{}}
	text, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) && given == "" {
		if err := makeKeyFile(path); err != nil {
			return nil, err
		}
		text, err = readKeyFile(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for i, line := range strings.Split(text, "\n") {
		if err := k.add(line); err != nil {
			return nil, fmt.Errorf("read line %d of the key file %s: %w", i+1, path, err)
		}
	}
	if err := k.addGiven(given); err != nil {
		return nil, err
	}
	if k.newest == "" {
		return nil, fault.Invalid("the key file %s holds no key; restore it from your backup, or, if nothing was ever sealed, delete it and start again", path)
	}
	return k, nil
}

// CheckKeys says what is wrong with keys that are given instead of a file; none is none.
func CheckKeys(given string) error {
	k := &Keyring{keys: map[string]cipher.AEAD{}}
	return k.addGiven(given)
}

func (k *Keyring) addGiven(given string) error {
	for i, part := range strings.Split(given, ",") {
		if err := k.add(part); err != nil {
			return fmt.Errorf("read key %d of SLIPWAY_SECRET_KEY: %w", i+1, err)
		}
	}
	return nil
}

// readKeyFile refuses a file that others can read: what is sealed with it would be no secret.
func readKeyFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("look at the key file: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return "", fault.Invalid("the key file %s has mode %v, so that others can get at it; run: chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	return string(text), nil
}

// makeKeyFile writes a new key beside its place and links it there when it is whole and on disk, so that no crash leaves half a key, and of two
// starts at once one wins.
func makeKeyFile(path string) error {
	var key [keySize]byte
	_, _ = rand.Read(key[:])
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the key file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-") // mode 0600
	if err != nil {
		return fmt.Errorf("make the key file: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put the key file in its place: %w", err)
	}
	return nil
}

func (k *Keyring) add(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	key, ok := parseKey(text)
	if !ok {
		// Not even a part of what was given is shown: it may be a key with a typing mistake.
		return fault.Invalid("a key is %d bytes, in base64 or as %d hex digits; make one with: openssl rand -base64 %d", keySize, 2*keySize, keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("use a key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return fmt.Errorf("use a key: %w", err)
	}
	sum := sha256.Sum256(key)
	k.newest = hex.EncodeToString(sum[:4])
	k.keys[k.newest], k.root = aead, key
	return nil
}

// parseKey reads both ways of writing a key. No text is a key in both: their lengths differ.
func parseKey(text string) ([]byte, bool) {
	if key, err := hex.DecodeString(text); err == nil && len(key) == keySize {
		return key, true
	}
	key, err := base64.StdEncoding.DecodeString(text)
	return key, err == nil && len(key) == keySize
}

// Derive makes 32 bytes of the newest key for one purpose, always the same (RFC 5869).
func (k *Keyring) Derive(purpose string) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, k.root, nil, "slipway "+purpose, keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key for %s: %w", purpose, err)
	}
	return derived, nil
}

// Seal encrypts a value. The same context has to be given to Open it.
func (k *Keyring) Seal(value Secret, context ...string) string {
	sealed := k.keys[k.newest].Seal(nil, nil, []byte(value), bind(context))
	return k.newest + "." + base64.RawStdEncoding.EncodeToString(sealed)
}

// Open decrypts what Seal made.
func (k *Keyring) Open(sealed string, context ...string) (Secret, error) {
	id, text, _ := strings.Cut(sealed, ".")
	aead, ok := k.keys[id]
	if !ok {
		return "", fmt.Errorf("open a secret: it was sealed with key %s, which is neither in %s nor in SLIPWAY_SECRET_KEY; restore that key from your backup", id, k.path)
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("open a secret: %w", err)
	}
	value, err := aead.Open(nil, nil, raw, bind(context))
	if err != nil {
		return "", fmt.Errorf("open a secret: it was changed, or moved from another place: %w", err)
	}
	return Secret(value), nil
}

// bind makes one text of the context that no other context has: lengths keep ("a","bc") apart from ("ab","c").
func bind(context []string) []byte {
	var b []byte
	for _, c := range context {
		b = fmt.Appendf(b, "%d:%s", len(c), c)
	}
	return b
}
