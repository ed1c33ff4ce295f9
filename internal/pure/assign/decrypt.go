package assign

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Decrypt reads what a payload has encrypted: base64 of the first vector, a point, and base64 of the text in AES-CBC with PKCS #7 padding.
func Decrypt(sealed, key string) (string, error) {
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", errors.New("decrypt: the key is no base64")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return "", fmt.Errorf("decrypt: the key has %d bytes; it needs 16, 24 or 32", len(secret))
	}
	first, rest, ok := strings.Cut(sealed, ".")
	vector, err := base64.StdEncoding.DecodeString(first)
	text, err2 := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || err2 != nil || len(vector) != aes.BlockSize || len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return "", errors.New("decrypt: not the form of an encrypted payload, which is vector.text in base64")
	}
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad == 0 || pad > aes.BlockSize || strings.Trim(string(text[len(text)-pad:]), string(rune(pad))) != "" {
		return "", errors.New("decrypt: the key is another one than the payload was encrypted with")
	}
	return string(text[:len(text)-pad]), nil
}

// Encrypt is the other way: the vector is 16 bytes of dice.
func Encrypt(text, key string, vector [aes.BlockSize]byte) (string, error) {
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", errors.New("encrypt: the key is no base64")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return "", fmt.Errorf("encrypt: the key has %d bytes; it needs 16, 24 or 32", len(secret))
	}
	pad := aes.BlockSize - len(text)%aes.BlockSize
	sealed := []byte(text + strings.Repeat(string(rune(pad)), pad))
	cipher.NewCBCEncrypter(block, vector[:]).CryptBlocks(sealed, sealed)
	return base64.StdEncoding.EncodeToString(vector[:]) + "." + base64.StdEncoding.EncodeToString(sealed), nil
}
