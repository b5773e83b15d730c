# -*- coding: utf-8 -*-
# Ein Kommentar mit Umlauten: äöü, 中文
größe, ñ = map(int, input().split())
print(größe + ñ)
