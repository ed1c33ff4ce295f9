// Package vault keeps settings and secrets, by app, environment and configuration version.
//
// A version is whole and never changes: Put writes one, Amend writes the next from the one before. A release names its version, so that a rollback brings back
// the configuration as it was.
//
// Secrets are sealed with AES-256-GCM under the newest key of a Keyring. A sealed value is "<key id>.<base64 of nonce and ciphertext>", so that values sealed with older
// keys still open; app, environment and name are authenticated with it, so that a sealed value copied to another place does not open. The nonce is random: with 96 bits, one key is good
// for 2^32 values. Decrypted secrets come out in two ways only: Environ, for the host that runs the release, and Open.
//
// The store never holds a key. Keys are in a file of mode 0600 beside it, or given by the environment; a backup of the store needs one of the keys too.
package vault
