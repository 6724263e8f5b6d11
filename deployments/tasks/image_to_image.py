from deployments.task import Input, Task


class ImageToImage(Task):
    name = "image-to-image"
    description = "Edit an image as told: grayscale, resize, rotate, blur, sharpen, change style, enhance."
    inputs = {
        "image": Input("image"),
        "text": Input("text", required=False, description="what to change"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
        "text": "make it grayscale",
    }
    answer = "The edited image:"
    candidate = "timbrooks/instruct-pix2pix"
    phrases = (
        "get rid of the person in the photo",
        "erase the text from the picture",
        "take the fence out of the photo",
        "make it look older",
        "swap the colors",
        "give him a beard",
        "make the image twice as big",
        "straighten the picture",
        "edit the image",
        "make the image grayscale",
        "turn the photo black and white",
        "rotate the image",
        "rotate it 90 degrees",
        "resize the image",
        "blur the picture",
        "sharpen the photo",
        "crop the picture",
        "flip the photo horizontally",
        "make the picture brighter",
        "increase the contrast",
        "invert the colors of the image",
        "make the photo look like a painting",
        "turn the sketch into a realistic photo",
        "change the style of the picture to a cartoon",
        "make the sky purple in the image",
        "add a hat to the man in the photo",
        "replace the background with a beach",
        "remove the car from the picture",
        "enhance the quality of the image",
        "upscale the photo to a higher resolution",
        "restore the old photograph",
        "colorize the black and white photo",
        "convert the picture to sepia",
        "scale the image down to half its size",
        "mirror the image",
        "make it look like winter",
        "change the color of the car to blue",
        "make it darker",
        "turn it upside down",
        "give the photo a vintage look",
        "apply a filter to the photo",
        "transform the image into anime style",
        "reduce the noise in the photo",
        "make a thumbnail of the image",
        "modify the picture",
        "make the image smaller",
    )
    cues = (
        r"\b(?:edit|modify|crop|rotate|blur|sharpen|resize|flip|upscale|colorize|retouch|brighten|darken)\b",
        r"\b(?:gray ?scale|black and white|sepia)\b",
    )
