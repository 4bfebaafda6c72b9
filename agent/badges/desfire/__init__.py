"""MIFARE DESFire EV1, EV2 and EV3, the reader's side: commands, authentication, secure messaging.

After NXP's AN12196 (EV2 secure messaging) and AN10922 (key diversification), and for EV1 the
functional specification as libfreefare implements it. AES-128 only.
"""
