"""One function per request of a person or the clock, by subject: visits, approval, publication, referrals."""
