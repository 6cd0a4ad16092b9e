package Demo::Users;

# Copyright (C) the ngx_tradesec authors
#
# Who has an account, and the password. Nobody's secrets: the portal lives in
# memory and on loopback.

use v5.30;
use warnings;

our %PASSWORDS = (
    admin => 'tr0ub4dor',
    alice => 'correct horse',
    bob   => 'battery staple',
    carol => 'purple elephant',
    dave  => 'umbrella stand',
    erin  => 'midnight express',
    frank => 'summer2026',
    grace => 'window cleaner',
    heidi => 'edelweiss seven',
    ivan  => 'matryoshka',
);


1;
