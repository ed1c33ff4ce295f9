// Package waffle decides flags, switches and samples as django-waffle does, in its order.
//
//	missing ─> override ─> everyone ─> testing (query, header, cookie) ─> language ─> signed in ─> staff ─> superuser ─> user ─> group ─> percent ─> off
//
// The first that has an answer decides. Only the groups from language to group answer yes alone: who is not meant goes on. A switch is on or off for all, and a
// sample is drawn anew each time.
//
// The dice are the caller's: Request.Draw is a number from 0 to 100, the same for all questions about one flag within one request, so that they have one answer.
//
// Of percent, waffle asks its cookie and then the dice, so that a visitor has another answer on each device. With a Salt, whoever is signed in is placed by the hash of
// the salt and the user instead, before the cookie: the cookie belongs to a browser, the answer to a person, and only so it is the same on all of their devices. A
// larger percentage only adds people. The answer is written into the cookie all the same, so that signing out changes nothing in that browser. It may change once, on
// signing in, for whom the dice had decided otherwise. Without a Salt the order is waffle's own.
//
// What django-waffle reads from settings is in Settings, whose zero value has its defaults.
package waffle
