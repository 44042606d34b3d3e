"""Prompts and orders in other languages than English: what their commonest verbs ask for.

The lists of `lexicon` and `asking` are English. A prompt in another language would ask for nothing by them, and
whatever an agent then did would look as if nobody had asked for it. Here stand the verbs of everyday requests in German,
French, Spanish, Italian, Portuguese and Dutch, in the forms one asks with; words that mean something else in English
are left out. Of a language that is not known nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from yett.policy.words.lexicon import MEANT, words

_VERBS: Final = {
    "read": words(
        "zeige zeig suche such finde lies fasse zusammen prüfe vergleiche gibt steht "
        "was welche welcher welches wieviel wieviele wann wer warum montre cherche trouve résume vérifie compare "
        "quel quelle quels quelles combien quand pourquoi muestra busca encuentra resume revisa qué cuál cuáles cuánto cuánta "
        "cuántos cuántas cuándo dónde mostra mostrami cerca trova riassumi quale quali quanto quanti quando dove toon zoek "
        "vind welke hoeveel wanneer waarom mostre procure encontre resuma qual quais quantos onde"
    ),
    "write": words(
        "erstelle erstellen buche buchen reserviere reservieren trage ändere ändern speichere speichern notiere bearbeite "
        "verschiebe verschieben bestelle bestellen genehmige genehmigen setze crée créez créer ajoute ajoutez ajouter modifie "
        "modifiez modifier réserve réservez réserver enregistre enregistrez commande commandez classe classez remplis crea "
        "crear añade añadir cambia cambiar reserva reservar guarda guardar aprueba pide aggiungi modifica prenota salva maak "
        "wijzig reserveer bestel crie adicione altere salve"
    ),
    "send": words(
        "sende senden schicke schick schicken weiterleiten leite antworte antworten schreibe schreib schreiben benachrichtige "
        "informiere envoie envoyez envoyer transmets transmettez transmettre réponds répondez répondre écris écrivez informe "
        "informez envía envíe enviar manda mande mandar reenvía reenvíe responde responda escribe avisa invia inviare inoltra "
        "rispondi scrivi stuur beantwoord schrijf envie encaminhe escreva"
    ),
    "share": words(
        "teile teilen freigeben veröffentliche veröffentlichen partage partagez partager comparte compartir publica condividi "
        "deel compartilhe"
    ),
    "pay": words(
        "überweise überweisen bezahle bezahlen zahle zahlen erstatte erstatten paie payez payer paye virez transfère transférez "
        "transférer rembourse remboursez achète achetez paga pague pagar transfiere transfiera transferir reembolsa compra "
        "compre pagare trasferisci rimborsa acquista betaal"
    ),
    "delete": words(
        "lösche löschen entferne entfernen storniere stornieren kündige kündigen supprime supprimez supprimer annule annulez "
        "annuler efface effacez résilie borra borrar elimina elimine eliminar cancela cancele cancelar cancella verwijder "
        "annuleer apague exclua"
    ),
    "exec": words("starte starten führe ausführen exécute exécutez lance lancez ejecuta ejecute esegui voer"),
    "persist": words(
        "erinnere erinnern merke rappelle rappelez recuerda recuérdame ricordami herinner lembre"
    ),
    "admin": words(
        "aktiviere aktivieren deaktiviere deaktivieren active activez désactive désactivez activa desactiva attiva disattiva"
    ),
}
_MEANT: Final = {
    verb: frozenset(capability for capability, known in _VERBS.items() if verb in known)
    for verb in frozenset().union(*_VERBS.values())
}
_ENGLISH: Final = words(
    "the of to and is are for with what which who this that these it my your our from please you all how any do does "
    "can could would not be if they them he she his her was were have has at by an or when where there find send tell"
)
_FOREIGN: Final = words(
    "der die das und ist nicht ein eine einen einer mir mich bitte von mit für auf dem den des zu wie sie ich wir unsere mein "
    "meine le la les est et un une du de je moi mes ma mon pour avec dans sur que qui aux au el los las y es una por para con "
    "mi mis su del al lo il di che per gli una della het een van mijn en voor naar o os uma meu minha do da na no às"
)
_JOINING: Final = words("und dann danach et puis y e luego después poi en dan daarna depois")


def is_foreign(text: str) -> bool:
    """Whether a prompt is in another language than English, by its small words and its letters."""
    if not text.isascii() and sum(c.isalpha() and c > "ɏ" for c in text) > len(text) // 4:
        return True
    spoken = _spoken(text)
    if not spoken or spoken[0] in _ENGLISH or any(spoken[0] in known for known in MEANT.values()):
        return False  # `Pay Carla de la Cruz`
    return sum(word in _FOREIGN for word in spoken) > sum(word in _ENGLISH for word in spoken)


def is_single(text: str) -> bool:
    """Whether nothing is joined on, so that a verb that is not known cannot be a second request."""
    return _JOINING.isdisjoint(_spoken(text)) and not any(
        mark in text.rstrip(" .!?\n")[1:] for mark in ".!\n"
    )


def of_prompt(text: str) -> set[str]:
    """Capabilities that a prompt in another language asks for."""
    return of_words(_spoken(text))


def of_words(spoken: Iterable[str]) -> set[str]:
    """As `of_prompt`, of words in small letters."""
    return set().union(*(_MEANT[word] for word in _MEANT.keys() & spoken))


def _spoken(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in text.casefold()).split()
