# -*- coding: rot13 -*-
cevag("a codec that is not one of text")
