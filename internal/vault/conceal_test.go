package vault

import "testing"

func TestConceal(t *testing.T) {
	const pem = "-----BEGIN KEY-----\nAAAABBBBCCCCDDDD\nEEEEFFFFGGGGHHHH\n-----END KEY-----\n"
	secrets := []string{"hunter2", "postgres://shop:hunter2@db/shop", pem, "abc"}
	for name, c := range map[string]struct{ text, want string }{
		"whole":                     {"the password is hunter2.", "the password is [secret]."},
		"a short one in a long one": {"cannot reach postgres://shop:hunter2@db/shop", "cannot reach [secret]"},
		"lines joined by a shell":   {"exit status 1: -----BEGIN KEY----- AAAABBBBCCCCDDDD EEEEFFFFGGGGHHHH -----END KEY-----", "exit status 1: [secret] [secret] [secret] [secret]"},
		"several lines":             {pem, "[secret]\n"},
		"cut between two lines":     {"exit status 1: EEEEFFFFGGGGHHHH\n-----END KEY-----\nbye", "exit status 1: [secret]\n[secret]\nbye"},
		"cut within":                {"shop:hunter2@db/shop is away", "shop:[secret]@db/shop is away"},
		"begins within":             {"exit status 1: BBBBCCCCDDDD\nbye", "exit status 1: [secret]\nbye"},
		"ends within":               {"the key is EEEEFFFFGG", "the key is [secret]"},
		"ends within, and says so":  {"the key is EEEEFFFFGG…", "the key is [secret]…"},
		"too short to look for":     {"abc and EEEE", "abc and EEEE"},
		"nothing":                   {"exit status 1: all is lost", "exit status 1: all is lost"},
	} {
		var needles []string
		for _, s := range secrets {
			needles = append(needles, tellTales(s)...)
		}
		if got := conceal(c.text, needles); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
